"""Commands: `firstline train`."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from data.options import AsJson


def register(app: typer.Typer) -> None:
    """Add this room's commands to `app`."""
    app.command("train")(train_command)


def train_command(
    recipe: Annotated[Path, typer.Argument(help="A recipe, for instance training/recipes/categorize.yaml.")],
    dataset: Annotated[str, typer.Option(help="A dataset id, the start of one, or `latest`.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Train a bundle on a dataset version, measure it and register it as challenger."""
    from data.settings import read_settings
    from training.recipe import read_recipe

    checked, settings = read_recipe(recipe), read_settings()
    # Both must be in the environment before torch is loaded: spinning threads cost more than they give
    # on a machine that does anything else.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(checked.threads or os.cpu_count() or 1))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    # Deprecations inside the libraries are nothing that a person at the command line can act on.
    warnings.filterwarnings("ignore", module=r"(mlflow|transformers|torch|peft|onnx\w*)\b")

    from data.dataset.load import load, resolve

    chosen = load(resolve(settings.datasets, dataset))

    from data.clock import SystemClock
    from data.dataset.commands import code_revision
    from data.store import ledger, open_store
    from data.taxonomy import load_taxonomy
    from training.categorize import train

    clock = SystemClock()
    made = train(
        checked,
        chosen,
        settings,
        load_taxonomy(),
        clock,
        code_revision=code_revision(),
        recipe_name=recipe.stem,
    )
    with open_store(settings.database_url) as store, store.write() as conn:
        marked = ledger.mark_trained(
            conn, made.trained_tickets, made.manifest.facts.dataset, made.manifest.id, at=clock.now()
        )
    resources = made.resources
    if as_json:
        print(
            json.dumps(
                {
                    "version": made.version,
                    "bundle": made.manifest.id,
                    "dataset": made.manifest.facts.dataset,
                    "run": made.run_id,
                    "ledger_rows": marked,
                    "metrics": made.metrics,
                    "resources": resources,
                }
            )
        )
        return
    for name in ("issue_type", "category", "priority"):
        a = made.metrics[f"{name}_accuracy"]
        interval = f"{100 * a['low']:.1f} to {100 * a['high']:.1f}, n={a['n']}"
        print(f"{name:11} {100 * a['value']:5.1f} %  ({interval})")
    print(f"Bundle {made.manifest.id} is version {made.version} and the challenger.")
    print("Next: firstline promote", file=sys.stderr)
