"""Ways in which other people would have typed the same ticket. Pure; randomness is passed in."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def augmented(text: str, share: float, rng: random.Random) -> str:
    """Return `text`, or with probability `share` (0..1) one variation of it; never empty for a text."""
    if not text or share <= 0 or rng.random() >= share:
        return text
    return rng.choice(_VARIATIONS)(text, rng) or text


def _without_summary(text: str, _: random.Random) -> str:
    return text.partition("\n")[2]


def _lower_case(text: str, _: random.Random) -> str:
    return text.lower()


def _mistyped(text: str, rng: random.Random) -> str:
    letters = list(text)
    for _ in range(max(1, len(letters) // 50)):
        i = rng.randrange(len(letters) - 1) if len(letters) > 1 else 0
        if letters[i].isalpha():
            letters[i] = rng.choice(("", letters[i] * 2, letters[i + 1] if i + 1 < len(letters) else ""))
    return "".join(letters)


def _without_a_sentence(text: str, rng: random.Random) -> str:
    summary, newline, body = text.partition("\n")
    sentences = _SENTENCE.split(body)
    if len(sentences) > 2:
        sentences.pop(rng.randrange(len(sentences)))
    return summary + newline + " ".join(sentences)


_VARIATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    _without_summary,
    _lower_case,
    _mistyped,
    _without_a_sentence,
)
