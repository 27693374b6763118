"""A small real dataset, written and read like any other, and one bundle trained on it."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from data.dataset.answers import REPLY, Answer
from data.dataset.build import Draft
from data.dataset.canonical import answers_to_table, content_hash, to_table
from data.dataset.manifest import ANSWERS_NAME, EXCLUDED_NAME, ROWS_NAME, Manifest
from data.dataset.publish import fingerprints
from data.dataset.rows import Row
from data.sandbox.texts import load_families
from data.tasks.categorize import render
from data.taxonomy import load_taxonomy
from data.ticket import Ticket

LABELS = (
    "payslip_missing",
    "password_reset",
    "bank_details_change",
    "leave_balance_incorrect",
    "gl_export_mismatch",
    "new_hire_setup",
    "invoice_or_fee_question",
    "mobile_app_problem",
)
PER_LABEL = 26
RECIPE = {
    "task": "categorize",
    "seed": 3,
    "threads": 1,
    "encoder": "packaged",
    "validation_share": 0.15,
    "texts": {"max_tokens": 32, "definitions": False, "answers": True, "augmented_share": 0.3},
    "lora": {"rank": 4, "alpha": 8, "top_layers": 1, "targets": ["query", "value"]},
    "lexical": {"ridge_penalty": 0.5},
    "loss": {"label_smoothing": 0.05, "category_weight": 0.2, "priority_weight": 0.5},
    "optimization": {
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 0.002,
        "head_learning_rate": 0.002,
        "weight_decay": 0.01,
        "warmup_share": 0.1,
        "gradient_clip": 1.0,
        "patience": 1,
    },
    "export": {"int8": "auto", "largest_accuracy_loss": 0.05},
}
LENIENT_GATE = {
    "issue_type_accuracy": 0.3,
    "category_accuracy": 0.3,
    "priority_accuracy": 0.1,
    "least_families": 20,
    "ece_tolerance": 100.0,
    "significance": 0.05,
}


@dataclass(frozen=True)
class Home:
    """A home directory with a dataset, and the command line bound to it."""

    path: Path
    dataset: str
    recipe: Path
    gate: Path

    def run(self, *arguments: str) -> object:
        """Run one command; return its JSON. Expected failures are raised."""
        from serving.cli import application

        before = dict(os.environ)
        os.environ["FIRSTLINE_HOME"] = str(self.path)
        try:
            result = CliRunner().invoke(application(), [*arguments, "--json"], catch_exceptions=False)
        finally:
            os.environ.clear()
            os.environ.update(before)
        if result.exception is not None:
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout.strip().splitlines()[-1])


def dataset_rows(seed: int = 0) -> list[Row]:
    """Ordinary sandbox texts of eight issue types; each label's last ten families are audited."""
    taxonomy, rows = load_taxonomy(), []
    by_label: dict[str, list[tuple[str, str, str]]] = {label: [] for label in LABELS}
    for family in load_families():
        if family.kind == "plain" and len(by_label.get(family.issue_type, [None] * 99)) < PER_LABEL:
            summary, text = (re.sub(r"\{\{(\w+)\}\}", r"\1", t) for t in (family.summary, family.description))
            rendered = render(Ticket("", summary, text))
            by_label[family.issue_type].append((family.id, rendered, family.priority))
    for label, families in by_label.items():
        for i, (name, text, priority) in enumerate(families):
            side = "train" if i < PER_LABEL - 10 else ("calibration", "test")[i % 2]
            rows.append(
                Row(
                    ticket_id=f"2-{len(rows) + 1000 * seed}",
                    client="acme",
                    country="IE",
                    lang="en",
                    text=text,
                    summary=text[:20],
                    description=text,
                    issue_type=label,
                    priority=priority,
                    category=taxonomy.category_of(label),
                    team=taxonomy.team_of(label),
                    audited=side != "train",
                    resolved_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=i),
                    family=name,
                    split=side,
                )
            )
    return rows


def write_dataset(out: Path, rows: list[Row]) -> str:
    """Publish rows as a dataset below `out`; return its id."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def parquet(table: pa.Table) -> bytes:
        sink = io.BytesIO()
        pq.write_table(table, sink)
        return sink.getvalue()

    versions = {"schema": "test"}
    answers = [Answer("2-1", REPLY, "Your new payslip is in the portal.", "payslip_missing", 2)]
    files = {
        ROWS_NAME: parquet(to_table(rows)),
        ANSWERS_NAME: parquet(answers_to_table(answers)),
        EXCLUDED_NAME: parquet(pa.table({"ticket_id": [""], "reason": [""]})),
    }
    manifest = Manifest(
        hash=content_hash(rows, answers, versions),
        created="2026-01-01T00:00:00+00:00",
        code_revision="test",
        query={},
        versions=versions,
        counts={"rows": len(rows)},
        exclusions={},
        files=fingerprints(files),
    )
    Draft(manifest, files).write(out)
    return manifest.id


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a dataset of about 200 rows, a quick recipe and a lenient gate."""
    path = tmp_path_factory.mktemp("home")
    recipe, gate = path / "quick.yaml", path / "gate.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    gate.write_text(yaml.safe_dump(LENIENT_GATE), encoding="utf-8")
    return Home(path, write_dataset(path / "datasets", dataset_rows()), recipe, gate)


@pytest.fixture(scope="session")
def trained(home: Home) -> dict[str, object]:
    """What `firstline train` printed for the home's dataset."""
    found = home.run("train", str(home.recipe))
    assert isinstance(found, dict)
    return found
