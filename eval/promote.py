"""Promotion: a registered bundle through the gate and into service."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset.load import Dataset, load, resolve
from data.errors import BadInputError, BundleError, GateError
from data.settings import Settings
from data.taxonomy import Taxonomy
from eval.bundle import Bundle, check_fit, load_bundle, read_manifest, verify
from eval.evaluate import columns_of, evaluate, rows_of
from eval.gate import Floors, Measured, Verdict, judge
from eval.registry import Registry, Version, champion_id, install
from eval.report import Row, report

_SEED = 7


@dataclass(frozen=True)
class Promoted:
    """What was promoted, against which champion, and what the gate saw."""

    version: Version
    bundle: str
    former: str | None
    verdict: Verdict
    report: dict[str, Any]
    former_report: dict[str, Any] | None


def promote(
    reference: str, settings: Settings, taxonomy: Taxonomy, floors: Floors, *, threads: int = 1
) -> Promoted:
    """Put the version `reference` (number, alias or bundle id) through the gate and install it.

    Raises `BundleError` when it is damaged or does not fit the live taxonomy, and `GateError` with
    every reason when it is not good enough; the champion then stays what it was. Promoting the
    champion again repairs its installed copy.
    """
    registry = Registry(settings.mlflow_uri)
    version = registry.find(reference)
    settings.bundles.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.bundles, prefix=".candidate-") as room:
        candidate = load_bundle(registry.fetch(version, Path(room)), taxonomy=taxonomy)
        rows = rows_of(columns_of(_dataset(settings, candidate)), "test")
        if not rows:
            raise BadInputError(
                f"Dataset {candidate.manifest.facts.dataset} has no audited test rows to judge by.",
                remedy="Have tickets reviewed (tag qa-reviewed), sync, build a dataset and train again.",
            )
        mine = measure(candidate, rows, taxonomy, threads=threads)
        former = _champion(settings, taxonomy)
        theirs = None
        if former is not None and former.id != candidate.id:
            theirs = measure(former, rows, taxonomy, threads=threads)
        verdict = judge(mine, theirs, floors)
        if not verdict.passed:
            raise GateError(
                f"Bundle {candidate.id} (version {version.version}) may not serve:\n  - "
                + "\n  - ".join(verdict.reasons),
                remedy="The champion stays. Train on more reviewed history, or lower a floor in a gate file "
                "knowingly (firstline promote --gate FILE).",
            )
        install(candidate.path, settings.bundles)
        registry.crown(version)
        return Promoted(
            version,
            candidate.id,
            former.id if former else None,
            verdict,
            dict(mine.report),
            dict(theirs.report) if theirs else None,
        )


def measure(bundle: Bundle, rows: Sequence[Row], taxonomy: Taxonomy, *, threads: int = 1) -> Measured:
    """Run a bundle over rows and report on it."""
    predictions = evaluate(bundle, rows, threads=threads, label=f"Measuring {bundle.id}")
    return Measured(
        report(predictions, rows, taxonomy, np.random.default_rng(_SEED)),
        np.asarray([p.issue_type.best[0] == r.issue_type for p, r in zip(predictions, rows, strict=True)]),
        np.asarray([p.priority.best[0] == r.priority for p, r in zip(predictions, rows, strict=True)]),
    )


def open_bundle(reference: str, settings: Settings, taxonomy: Taxonomy, room: Path) -> Bundle:
    """Load `champion`, an installed id, or anything registered (copied below `room`)."""
    name = champion_id(settings.bundles) if reference == "champion" else reference
    if name and Path(name).name == name and (settings.bundles / name).is_dir():
        return load_bundle(settings.bundles / name, taxonomy=taxonomy)
    registry = Registry(settings.mlflow_uri)
    return load_bundle(registry.fetch(registry.find(reference), room), taxonomy=taxonomy)


def _dataset(settings: Settings, bundle: Bundle) -> Dataset:
    return load(resolve(settings.datasets, bundle.manifest.facts.dataset))


def _champion(settings: Settings, taxonomy: Taxonomy) -> Bundle | None:
    """The installed champion; None where there is none, or it is damaged or unfit, so no standard."""
    name = champion_id(settings.bundles)
    if name is None or not (settings.bundles / name).is_dir():
        return None
    try:
        check_fit(read_manifest(settings.bundles / name), taxonomy)
        verify(settings.bundles / name)
    except BundleError:
        return None
    return load_bundle(settings.bundles / name, taxonomy=taxonomy)
