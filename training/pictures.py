"""Pictures of a bundle's quality, as matplotlib figures (PNG bytes are written by the caller)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from data.taxonomy import Taxonomy
from eval.metrics.confusion import confusion
from eval.metrics.ece import BINS
from eval.metrics.proportion import clopper_pearson
from eval.metrics.risk_coverage import risk_coverage
from eval.report import Scored
from eval.risk import Certificate

_BLUE, _GREY, _RED = "#1f5fa8", "#8a8f98", "#b3261e"


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    FigureCanvasAgg(figure).print_png(str(path))


def category_confusion(types: Scored, taxonomy: Taxonomy) -> Figure:
    """Rows: true category; columns: predicted; numbers are tickets, colour is the share of the row."""
    names = list(dict.fromkeys(taxonomy.category_of(label) for label in taxonomy.labels))
    counts = confusion(
        [taxonomy.category_of(t) for t in types.predicted],
        [taxonomy.category_of(t) for t in types.truth],
        names,
    )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(8.5, 7.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (i, j), n in np.ndenumerate(counts):
        if n:
            axes.text(
                j, i, str(n), ha="center", va="center", color="white" if shares[i, j] > 0.5 else "black"
            )
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted category")
    axes.set_ylabel("true category")
    axes.set_title(f"Categories, {len(types.truth)} audited test texts")
    return figure


def reliability(types: Scored, error: float, null: float) -> Figure:
    """Observed accuracy per confidence bin with exact 95 % intervals, and how many tickets each holds."""
    index = np.clip(np.ceil(types.scores * BINS).astype(int) - 1, 0, BINS - 1)
    figure = Figure(figsize=(6, 6.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot((0, 1), (0, 1), color=_GREY, linestyle="--", linewidth=1, label="perfect")
    for b in sorted(set(index.tolist())):
        member = index == b
        hits, n = int(types.correct[member].sum()), int(member.sum())
        low, high = clopper_pearson(hits, n)
        x = float(types.scores[member].mean())
        upper.plot((x, x), (low, high), color=_BLUE, linewidth=1.5)
        upper.plot(x, hits / n, "o", color=_BLUE)
    upper.set_ylabel("share that was right")
    upper.set_title(f"Issue type: ECE {error:.3f} (perfect calibration: up to {null:.3f})")
    upper.legend(frameon=False)
    lower.bar(
        (np.arange(BINS) + 0.5) / BINS, np.bincount(index, minlength=BINS), width=0.9 / BINS, color=_GREY
    )
    lower.set_ylabel("tickets")
    lower.set_xlabel("probability the model gave")
    lower.set_xlim(0, 1)
    return figure


def risk_coverage_curve(types: Scored, certificate: Certificate) -> Figure:
    """Error among the accepted against the share accepted, with the budget and the proven point."""
    curve = risk_coverage(types.scores, types.correct)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(100 * curve.coverage, 100 * curve.risk, color=_BLUE, label="observed on the test split")
    axes.axhline(100 * certificate.budget, color=_RED, linestyle="--", linewidth=1, label="error budget")
    if certificate.threshold is not None:
        axes.plot(
            100 * certificate.coverage,
            100 * certificate.bound,
            "s",
            color=_RED,
            label=f"certified threshold {certificate.threshold:.2f}: upper bound",
        )
    axes.set_xlabel("share accepted without a person (%)")
    axes.set_ylabel("wrong among them (%)")
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_title("Issue type: risk against coverage")
    axes.legend(frameon=False, loc="upper left")
    return figure
