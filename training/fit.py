"""Fitting: how long training goes on and what is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.taxonomy import Taxonomy
from training.encoder import Encoder, Tokens, padded
from training.recipe import Recipe
from training.steps import Example, Heads, Steps, cues_of

PROTOTYPE_TEXTS = 16


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the examples brought; accuracies on validation, 0..1."""

    number: int
    loss: float
    issue_type_accuracy: float
    priority_accuracy: float
    learning_rate: float


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

    Best: highest mean of the two validation accuracies. Stops after `patience` epochs without a better
    one.
    """
    steps = Steps(encoder, heads, tokens, groups, recipe, taxonomy)
    epochs: list[Epoch] = []
    best: tuple[float, dict[str, Tensor]] | None = None
    since_best = 0
    for number in range(recipe.optimization.epochs):
        loss = steps.epoch(number)
        right = accuracies(encoder, heads, tokens, validation)
        epochs.append(Epoch(number, loss, right[0], right[1], steps.learning_rate))
        log(epochs[-1])
        since_best += 1
        if best is None or sum(right) > best[0]:
            since_best = 0
            best = (sum(right), weights_of(encoder, heads))
        if since_best >= recipe.optimization.patience:
            break
    assert best is not None
    restore(encoder, heads, best[1])
    return epochs


def weights_of(encoder: Encoder, heads: Heads) -> dict[str, Tensor]:
    """Return a copy of everything that learns, by name."""
    return {name: p.detach().clone() for name, p in _learning(encoder, heads).items()}


@torch.no_grad()  # type: ignore[untyped-decorator]
def restore(encoder: Encoder, heads: Heads, weights: Mapping[str, Tensor]) -> None:
    """Put back what `weights_of` returned."""
    for name, p in _learning(encoder, heads).items():
        p.copy_(weights[name])


def _learning(encoder: Encoder, heads: Heads) -> dict[str, nn.Parameter]:
    return {**encoder.trainable(), **{f"heads.{name}": p for name, p in heads.named_parameters()}}


@torch.no_grad()  # type: ignore[untyped-decorator]
def accuracies(
    encoder: Encoder, heads: Heads, tokens: Tokens, examples: Sequence[Example]
) -> tuple[float, float]:
    """Return (issue type, priority) accuracy in 0..1 on `examples`."""
    texts = [e.text for e in examples]
    types, priorities = heads(embed(encoder, tokens(texts)), cues_of(texts))
    right = types.argmax(1) == torch.tensor([e.issue_type for e in examples])
    also = priorities.argmax(1) == torch.tensor([e.priority for e in examples])
    return float(right.float().mean()), float(also.float().mean())
