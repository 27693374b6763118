"""The training loop: what is minimised, how, and when it stops."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
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
PROTOTYPE_TEXTS = 16
_EMBEDDING_GAIN = 4.0
"""Embedding entries are near 0.05; the priority head learns faster on entries near the cues' size."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text to learn from; `priority` is -100 where there is none (a description)."""

    text: str
    issue_type: int
    priority: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the examples brought; accuracies on validation, 0..1."""

    number: int
    loss: float
    issue_type_accuracy: float
    priority_accuracy: float
    learning_rate: float


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


def prototypes(encoder: Encoder, tokens: Tokens, examples: Sequence[Example], labels: int) -> Tensor:
    """Return the mean embedding (labels, d) of up to 16 texts per label; random where there is none."""
    chosen: dict[int, list[str]] = defaultdict(list)
    for e in examples:
        if len(chosen[e.issue_type]) < PROTOTYPE_TEXTS:
            chosen[e.issue_type].append(e.text)
    pairs = [(label, text) for label, texts in sorted(chosen.items()) for text in texts]
    embeddings = embed(encoder, tokens([text for _, text in pairs]))
    means = functional.normalize(torch.randn(labels, encoder.width), dim=-1)
    for label in chosen:
        means[label] = embeddings[[i for i, (other, _) in enumerate(pairs) if other == label]].mean(0)
    return means


@torch.no_grad()  # type: ignore[untyped-decorator]
def embed(encoder: Encoder, ids: Sequence[Sequence[int]], size: int = 32) -> Tensor:
    """Return embeddings (n, d) in order, batches sorted by length."""
    out = torch.zeros(len(ids), encoder.width)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        out[batch] = encoder(*padded([ids[i] for i in batch]))
    return out


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


def fit(
    encoder: Encoder,
    heads: Heads,
    tokens: Tokens,
    groups: Sequence[Sequence[Example]],
    validation: Sequence[Example],
    recipe: Recipe,
    taxonomy: Taxonomy,
    log: Callable[[Epoch], None],
) -> list[Epoch]:
    """Train in place and leave the best epoch's weights; return every epoch.

    One text per group (family) and epoch, another copy each time: the families weigh alike whatever
    their number of copies. Best: highest mean of the two validation accuracies. Stops after
    `patience` epochs without a better one.
    """
    rng = random.Random(recipe.seed)
    plan = recipe.optimization
    steps = plan.epochs * math.ceil(len(groups) / plan.batch_size)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(encoder.trainable().values()), "lr": plan.learning_rate},
            {"params": list(heads.parameters()), "lr": plan.head_learning_rate},
        ],
        weight_decay=plan.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_then_linear(steps, plan))
    below, membership = Below(encoder, room=3 * len(groups)), _membership(taxonomy)
    epochs: list[Epoch] = []
    best: tuple[float, dict[str, Tensor], dict[str, Tensor]] | None = None
    since_best = 0
    for number in range(plan.epochs):
        chosen = [group[number % len(group)] for group in groups]
        texts = [augmented(e.text, recipe.texts.augmented_share, rng) for e in chosen]
        batches = _batches(tokens(texts), chosen, texts, plan.batch_size, rng)
        total = 0.0
        for ids, examples, found in progress(batches, label=f"Training, epoch {number + 1} of {plan.epochs}"):
            types, priorities = heads(_embedding(encoder, below, ids), found)
            loss = _loss(types, priorities, examples, membership, recipe)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(encoder.trainable().values(), plan.gradient_clip)
            optimizer.step()
            schedule.step()
            total += float(loss.item()) * len(ids)
        right = accuracies(encoder, heads, tokens, validation)
        epochs.append(Epoch(number, total / len(groups), right[0], right[1], schedule.get_last_lr()[0]))
        log(epochs[-1])
        since_best += 1
        if best is None or sum(right) > best[0]:
            since_best = 0
            best = (sum(right), _copy(encoder.trainable()), _copy(dict(heads.named_parameters())))
        if since_best >= plan.patience:
            break
    assert best is not None
    _restore(encoder.trainable(), best[1])
    _restore(dict(heads.named_parameters()), best[2])
    return epochs


def _embedding(encoder: Encoder, below: Below, ids: Sequence[Sequence[int]]) -> Tensor:
    if encoder.frozen_layers == 0:
        embedding: Tensor = encoder(*padded(ids))
        return embedding
    return encoder.above(*below(ids))


@torch.no_grad()  # type: ignore[untyped-decorator]
def accuracies(
    encoder: Encoder, heads: Heads, tokens: Tokens, examples: Sequence[Example]
) -> tuple[float, float]:
    """Return (issue type, priority) accuracy in 0..1 on `examples`."""
    texts = [e.text for e in examples]
    types, priorities = heads(embed(encoder, tokens(texts)), _cues(texts))
    right = types.argmax(1) == torch.tensor([e.issue_type for e in examples])
    also = priorities.argmax(1) == torch.tensor([e.priority for e in examples])
    return float(right.float().mean()), float(also.float().mean())


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
    found = _cues(texts)
    return [
        ([ids[i] for i in batch], [examples[i] for i in batch], found[batch])
        for batch in buckets([len(row) for row in ids], size, rng)
    ]


def _cues(texts: Sequence[str]) -> Tensor:
    return torch.tensor([cues(text) for text in texts], dtype=torch.float32).reshape(len(texts), len(CUES))


def _warm_then_linear(steps: int, plan: Optimization) -> Callable[[int], float]:
    warm = max(1, round(plan.warmup_share * steps))
    return lambda step: min((step + 1) / warm, max(0.02, (steps - step) / max(1, steps - warm)))


def _copy(parameters: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in parameters.items()}


@torch.no_grad()  # type: ignore[untyped-decorator]
def _restore(parameters: dict[str, nn.Parameter], kept: dict[str, Tensor]) -> None:
    for name, p in parameters.items():
        p.copy_(kept[name])
