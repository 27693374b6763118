"""Commands: `firstline eval`, `firstline promote`, `firstline bundles`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from data.options import AsJson

_FIELDS = ("issue_type", "category", "priority")


def register(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    app.command("eval")(eval_command)
    app.command("promote")(promote_command)
    app.command("bundles")(bundles_command)


def eval_command(
    bundle: Annotated[
        str, typer.Option(help="A bundle id, a version, `champion` or `challenger`.")
    ] = "champion",
    dataset: Annotated[str, typer.Option(help="A dataset id, the start of one, or `latest`.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Measure a bundle on a dataset's audited test texts."""
    from data.dataset.load import load, resolve
    from data.errors import BadInputError
    from data.settings import read_settings
    from data.taxonomy import load_taxonomy
    from eval.evaluate import columns_of, rows_of
    from eval.promote import measure, open_bundle
    from eval.risk import certify

    settings, taxonomy = read_settings(), load_taxonomy()
    chosen = load(resolve(settings.datasets, dataset))
    rows = rows_of(columns_of(chosen), "test")
    if not rows:
        raise BadInputError(
            f"Dataset {chosen.manifest.id} has no audited test rows.",
            remedy="Have tickets reviewed (tag qa-reviewed), sync, and build a dataset.",
        )
    with tempfile.TemporaryDirectory() as room:
        opened = open_bundle(bundle, settings, taxonomy, Path(room))
        found = measure(opened, rows, taxonomy, threads=_threads()).report
        evidence = opened.evidence["issue_type"]
    certificate = certify(evidence.scores, evidence.correct)
    if as_json:
        facts = {"bundle": opened.id, "dataset": chosen.manifest.id, "certificate": certificate.as_dict()}
        print(json.dumps({**facts, **found}))
        return
    print(f"Bundle {opened.id} on dataset {chosen.manifest.id}: {found['n']} audited test texts")
    _print_report(found)
    if certificate.threshold is None:
        print(f"certified     nothing yet; at least {certificate.missing} more audited texts are needed")
    else:
        print(
            f"certified     {100 * certificate.coverage:.0f} % of tickets at most 5 % wrong, 95 % sure "
            f"({certificate.errors} errors in {certificate.n})"
        )


def promote_command(
    version: Annotated[
        str, typer.Argument(help="A version number, a bundle id, or an alias.")
    ] = "challenger",
    gate: Annotated[Path | None, typer.Option(help="Another gate file (default: eval/gate.yaml).")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a registered bundle through the gate; passed, it is installed and serves."""
    from data.settings import read_settings
    from data.taxonomy import load_taxonomy
    from eval.gate import DEFAULT_PATH, read_floors
    from eval.promote import promote

    floors = read_floors(gate or DEFAULT_PATH)
    done = promote(version, read_settings(), load_taxonomy(), floors, threads=_threads())
    if as_json:
        facts: dict[str, Any] = {
            "bundle": done.bundle,
            "version": done.version.version,
            "former": done.former,
            "remarks": list(done.verdict.remarks),
            "metrics": done.report,
            "former_metrics": done.former_report,
        }
        print(json.dumps(facts))
        return
    print(f"Bundle {done.bundle} (version {done.version.version}) is the champion.")
    for remark in done.verdict.remarks:
        print(f"  {remark}")
    _print_report(done.report)


def bundles_command(as_json: AsJson = False) -> None:
    """List registered and installed bundles, newest first."""
    from data.settings import read_settings
    from eval.registry import Registry, champion_id, installed

    settings = read_settings()
    versions = Registry(settings.mlflow_uri).versions()
    here = {p.name for p in installed(settings.bundles)}
    serving = champion_id(settings.bundles)
    if as_json:
        listed = [
            {**asdict(v), "installed": v.bundle in here, "serving": v.bundle == serving} for v in versions
        ]
        known = {v.bundle for v in versions}
        alone = [{"bundle": b, "installed": True, "serving": b == serving} for b in sorted(here - known)]
        print(json.dumps([*listed, *alone]))
        return
    if not versions and not here:
        print("No bundle yet. Train one: firstline train training/recipes/categorize.yaml")
    for v in versions:
        when = datetime.fromtimestamp(v.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        accuracy = (
            "" if v.issue_type_accuracy is None else f"  issue type {100 * v.issue_type_accuracy:.1f} %"
        )
        state = [*v.aliases, *(["installed"] if v.bundle in here else [])]
        print(f"{v.version:>4}  {v.bundle}  {when}  dataset {v.dataset}{accuracy}  {', '.join(state)}")
    for bundle in sorted(here - {v.bundle for v in versions}):
        print(f"   -  {bundle}  installed, not registered{'  champion' if bundle == serving else ''}")


def _print_report(found: Mapping[str, Any]) -> None:
    for name in _FIELDS:
        a = found[f"{name}_accuracy"]
        interval = f"{100 * a['low']:.1f} to {100 * a['high']:.1f}, n={a['n']}"
        print(f"{name:13} {100 * a['value']:5.1f} %  ({interval})")
    print(f"ECE           {found['ece']:.3f}  (perfect calibration shows up to {found['ece_null']:.3f})")


def _threads() -> int:
    return max(1, int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
