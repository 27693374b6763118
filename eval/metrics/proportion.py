"""A share with its count and its interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from scipy import stats


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `n`; `value`, `low` and `high` are in 0..1 (`value` is 0 where `n` is 0)."""

    value: float
    low: float
    high: float
    hits: int
    n: int

    def as_dict(self) -> dict[str, float | int]:
        """Plain numbers for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f}, n={self.n})"


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a binomial share (Clopper and Pearson, 1934).

    Never covers less than `confidence` (0..1). `n = 0` gives (0, 1). Raises `ValueError` unless
    0 <= hits <= n.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits must be within 0..n, not {hits} of {n}")
    if n == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(stats.beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(stats.beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a binomial share (Wilson, 1927): narrower, covers on average.

    Same arguments and errors as `clopper_pearson`.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits must be within 0..n, not {hits} of {n}")
    if n == 0:
        return 0.0, 1.0
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share, square = hits / n, z * z / n
    centre = (share + square / 2) / (1 + square)
    half = z / (1 + square) * ((share * (1 - share) / n + square / (4 * n)) ** 0.5)
    return max(0.0, centre - half), min(1.0, centre + half)


def proportion(hits: int, n: int, confidence: float = 0.95) -> Proportion:
    """Build a `Proportion` with its Clopper-Pearson interval."""
    low, high = clopper_pearson(hits, n, confidence)
    return Proportion(hits / n if n else 0.0, low, high, int(hits), int(n))
