"""One step after another: what is minimised, and in which batches."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from data.progress import progress
from data.tasks.priority_cues import CUES, cues
from data.taxonomy import PRIORITIES, Taxonomy
from training.augment import augmented
from training.encoder import Encoder, Tokens, padded
from training.recipe import Optimization, Recipe

FIRST_SCALE = 20.0
_EMBEDDING_GAIN = 4.0
"""Embedding entries are near 0.05; the priority head learns faster on entries near the cues' size."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text to learn from; `priority` is -100 where there is none (a description)."""

    text: str
    issue_type: int
    priority: int


class Heads(nn.Module):  # type: ignore[misc]
    """The heads of `eval.heads`, as they learn: a cosine classifier and a linear one."""

    def __init__(self, prototypes: Tensor) -> None:
        super().__init__()
        labels, width = prototypes.shape
        self.weight = nn.Parameter(functional.normalize(prototypes, dim=-1))
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))
        self.priority = nn.Linear(width + labels + len(CUES), len(PRIORITIES))

    def forward(self, embeddings: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (n, d) and cues (n, c) -> logits (n, k) and (n, 4)."""
        types = self.log_scale.exp() * embeddings @ functional.normalize(self.weight, dim=-1).T
        # The priority loss must not bend issue types, so their probabilities enter as facts.
        features = [_EMBEDDING_GAIN * embeddings, types.detach().softmax(1), found]
        return types, self.priority(torch.cat(features, dim=1))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the tensors of `heads.safetensors`."""
        weight = functional.normalize(self.weight, dim=-1).detach().numpy().astype(np.float32)
        labels, width = weight.shape
        priority = self.priority.weight.detach().numpy().astype(np.float32).copy()
        priority[:, :width] *= _EMBEDDING_GAIN
        return {
            "issue_type.weight": weight.copy(),
            "issue_type.scale": np.asarray([self.log_scale.exp().item()], dtype=np.float32),
            "issue_type.bias": np.zeros(labels, dtype=np.float32),
            "priority.weight": priority,
            "priority.bias": self.priority.bias.detach().numpy().astype(np.float32).copy(),
            "centres": weight.copy(),
        }


def buckets(lengths: Sequence[int], size: int, rng: random.Random) -> list[list[int]]:
    """Cut positions into batches of like length, in random order: little padding, little bias.

    Positions are shuffled, sorted by length within runs of 16 batches, cut, and the batches shuffled.
    """
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), 16 * size):
        run = sorted(order[start : start + 16 * size], key=lambda i: lengths[i])
        batches += [run[i : i + size] for i in range(0, len(run), size)]
    rng.shuffle(batches)
    return batches


class Below:
    """Hidden states under the layers that learn, kept per text: they never change, so once is enough.

    Half precision in memory (about 40 kB per text); `room` bounds how many texts are kept.
    """

    def __init__(self, encoder: Encoder, room: int) -> None:
        self._encoder, self._room = encoder, room
        self._kept: dict[tuple[int, ...], Tensor] = {}

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def __call__(self, ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return hidden states (n, tokens, d) and mask of one batch."""
        tokens, mask = padded(ids)
        keys = [tuple(row) for row in ids]
        if all(key in self._kept for key in keys):
            hidden = torch.zeros(*tokens.shape, self._encoder.width)
            for i, key in enumerate(keys):
                hidden[i, : len(key)] = self._kept[key].float()
            return hidden, mask
        hidden = self._encoder.below(tokens, mask)
        if len(self._kept) + len(keys) <= self._room:
            for i, key in enumerate(keys):
                self._kept[key] = hidden[i, : len(key)].half()
        return hidden, mask


class Steps:
    """Moves adapter and heads in place, one epoch at a time, over `groups` of copies of one text each.

    One text per group (family) and epoch, another copy each time: the families weigh alike whatever
    their number of copies. Learning rates follow linear warm-up and decay over all epochs.
    """

    def __init__(
        self,
        encoder: Encoder,
        heads: Heads,
        tokens: Tokens,
        groups: Sequence[Sequence[Example]],
        recipe: Recipe,
        taxonomy: Taxonomy,
    ) -> None:
        self._encoder, self._heads, self._tokens = encoder, heads, tokens
        self._groups, self._recipe, self._plan = groups, recipe, recipe.optimization
        self._rng = random.Random(recipe.seed)
        self._membership = _membership(taxonomy)
        self._below = Below(encoder, room=3 * len(groups))
        self._optimizer = torch.optim.AdamW(
            [
                {"params": list(encoder.trainable().values())},
                {"params": list(heads.parameters())},
            ],
            weight_decay=self._plan.weight_decay,
        )
        self._per_epoch = math.ceil(len(groups) / self._plan.batch_size)

    @property
    def learning_rate(self) -> float:
        """The adapter's learning rate at the last step."""
        return float(self._optimizer.param_groups[0]["lr"])

    def epoch(self, number: int) -> float:
        """Do epoch `number` (from 0) and return its mean loss."""
        chosen = [group[number % len(group)] for group in self._groups]
        texts = [augmented(e.text, self._recipe.texts.augmented_share, self._rng) for e in chosen]
        batches = _batches(self._tokens(texts), chosen, texts, self._plan.batch_size, self._rng)
        label = f"Training, epoch {number + 1} of {self._plan.epochs}"
        total = 0.0
        for i, (ids, examples, found) in enumerate(progress(batches, label=label)):
            self._set_rates(number * self._per_epoch + i)
            types, priorities = self._heads(_embedding(self._encoder, self._below, ids), found)
            loss = _loss(types, priorities, examples, self._membership, self._recipe)
            self._optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._encoder.trainable().values(), self._plan.gradient_clip)
            self._optimizer.step()
            total += float(loss.item()) * len(ids)
        return total / len(self._groups)

    def _set_rates(self, step: int) -> None:
        share = _warm_then_linear(step, self._plan.epochs * self._per_epoch, self._plan)
        adapter, heads = self._optimizer.param_groups
        adapter["lr"] = self._plan.learning_rate * share
        heads["lr"] = self._plan.head_learning_rate * share


def _embedding(encoder: Encoder, below: Below, ids: Sequence[Sequence[int]]) -> Tensor:
    if encoder.frozen_layers == 0:
        embedding: Tensor = encoder(*padded(ids))
        return embedding
    return encoder.above(*below(ids))


def _loss(
    types: Tensor, priorities: Tensor, examples: Sequence[Example], member: Tensor, recipe: Recipe
) -> Tensor:
    truth = torch.tensor([e.issue_type for e in examples])
    also = torch.tensor([e.priority for e in examples])
    loss = functional.cross_entropy(types, truth, label_smoothing=recipe.loss.label_smoothing)
    if recipe.loss.priority_weight and bool((also >= 0).any()):
        loss = loss + recipe.loss.priority_weight * functional.cross_entropy(
            priorities, also, ignore_index=-100
        )
    if recipe.loss.category_weight:
        # A type of the right category is half right: the category's probability is its types' sum.
        mass = types.log_softmax(1)[:, None, :] + member
        rows = member[:, truth].eq(0).int().argmax(0)
        loss = loss + recipe.loss.category_weight * functional.nll_loss(mass.logsumexp(-1), rows)
    return loss


def _membership(taxonomy: Taxonomy) -> Tensor:
    """(categories, labels): 0 where the label is of the category, -1e9 elsewhere."""
    of = [taxonomy.category_of(label) for label in taxonomy.labels]
    names = list(dict.fromkeys(of))
    member = torch.full((len(names), len(of)), -1e9)
    for i, category in enumerate(of):
        member[names.index(category), i] = 0.0
    return member


def _batches(
    ids: list[list[int]], examples: Sequence[Example], texts: Sequence[str], size: int, rng: random.Random
) -> list[tuple[list[list[int]], list[Example], Tensor]]:
    found = cues_of(texts)
    return [
        ([ids[i] for i in batch], [examples[i] for i in batch], found[batch])
        for batch in buckets([len(row) for row in ids], size, rng)
    ]


def cues_of(texts: Sequence[str]) -> Tensor:
    """Return the priority cues of each text, (n, c)."""
    return torch.tensor([cues(text) for text in texts], dtype=torch.float32).reshape(len(texts), len(CUES))


def _warm_then_linear(step: int, steps: int, plan: Optimization) -> float:
    warm = max(1, round(plan.warmup_share * steps))
    return min((step + 1) / warm, max(0.02, (steps - step) / max(1, steps - warm)))
