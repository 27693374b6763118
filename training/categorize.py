"""Categorize: from a dataset version to a registered bundle, in one straight line.

Read top to bottom, `train` is the recipe: data, tokens, encoder, heads, training, export, lexical part,
priority head, calibration, evidence, measurement, bundle, registration. Everything random follows from
the recipe's seed.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch.nn import functional

from data.clock import Clock
from data.dataset.load import Dataset
from data.settings import Settings
from data.tasks.categorize import TASK_VERSION
from data.taxonomy import DEFAULT_PATH, Taxonomy
from eval.bundle import HEADS, Facts, Manifest, evidence_as_json, load_bundle, write_manifest
from eval.card import card
from eval.evaluate import columns_of, rows_of
from eval.heads import LEXICAL_TENSORS, issue_type_logits, priority_features
from eval.lexical import scores
from eval.registry import Registry
from eval.report import Row
from training.encoder import Encoder, Source, Tokens, locate
from training.export import export_engine
from training.fit import fit, prototypes
from training.lexical import choose_gain, fit_lexical
from training.measuring import Measurement, Tensors, embedded, measure
from training.pictures import category_confusion, reliability, risk_coverage_curve, save
from training.priority import class_weights, fit_priority, sample
from training.recipe import Recipe
from training.rows import Sides, agreed, descriptions, priority_index, sides
from training.steps import Example, Heads
from training.tracking import Run, tracked

NO_PRIORITY = -100
GAIN = LEXICAL_TENSORS[-1]


@dataclass(frozen=True)
class Trained:
    """The result: the registered version and its bundle's manifest and metrics."""

    version: int
    run_id: str
    manifest: Manifest
    metrics: Mapping[str, Any]
    resources: Mapping[str, float]
    trained_tickets: tuple[str, ...]


def train(
    recipe: Recipe,
    dataset: Dataset,
    settings: Settings,
    taxonomy: Taxonomy,
    clock: Clock,
    *,
    code_revision: str,
    recipe_name: str = "categorize",
) -> Trained:
    """Train, measure and register a bundle; it becomes the challenger.

    Raises `SettingsError` or `BadInputError` before anything is computed. Interrupted, it leaves no
    bundle and no version: run it again.
    """
    meter = _Meter()
    columns = columns_of(dataset)
    further = descriptions(recipe.texts, taxonomy, dataset.answers)
    split = sides(columns, taxonomy, recipe.validation_share, further)
    source = locate(recipe.encoder)
    _seed(recipe)

    with _workroom(settings.home) as room, tracked(settings, f"{recipe_name}-{dataset.manifest.id}") as run:
        run.start(recipe, dataset)
        bundle = room / "bundle"
        encoder, heads = _tuned(recipe, source, split, taxonomy, run)
        _write_encoder(encoder, source, bundle)
        choice = _write_engine(encoder, heads, recipe, split, taxonomy, bundle)
        at_validation = embedded(bundle, split.validation, recipe.texts.max_tokens)
        heads |= _lexical(recipe, split, taxonomy, heads, at_validation)
        heads |= _priority(recipe, split, heads, bundle)

        facts = Facts(
            created=clock.now().isoformat(timespec="seconds"),
            dataset=dataset.manifest.id,
            taxonomy_version=taxonomy.version,
            task_version=TASK_VERSION,
            base_model=source.name,
            code_revision=code_revision,
            kb_version="none",
            recipe=recipe_name,
            engine=str(choice["engine"]),
            max_tokens=recipe.texts.max_tokens,
        )
        calibration, test = rows_of(columns, "calibration"), rows_of(columns, "test")
        rng = np.random.default_rng(recipe.seed)
        found = measure(bundle, facts, heads, calibration, test, taxonomy, rng)
        extra = {"engine": choice, "temperatures": found.temperatures, "gain": float(heads[GAIN][0])}
        resources = meter.read()
        counts = {name: len(rows) for name, rows in asdict(split).items()}
        _write_rest(bundle, facts, heads, found, {**extra, "resources": resources}, counts)
        manifest = write_manifest(bundle, facts)
        load_bundle(bundle, taxonomy=taxonomy)

        _draw(run, room, found, taxonomy)
        run.finish(bundle, {**found.metrics, **extra}, resources)
        version = Registry(settings.mlflow_uri).register(
            run.run_id, manifest, found.metrics["issue_type_accuracy"]["value"]
        )
    tickets = tuple(r.ticket_id for r in (*split.train, *split.validation))
    return Trained(version, run.run_id, manifest, found.metrics, resources, tickets)


def _tuned(
    recipe: Recipe, source: Source, split: Sides, taxonomy: Taxonomy, run: Run
) -> tuple[Encoder, Tensors]:
    """Train adapter and heads; return the encoder and the heads' tensors."""
    index = {label: i for i, label in enumerate(taxonomy.labels)}

    def example(row: Row) -> Example:
        return Example(row.text, index[row.issue_type], priority_index(row.priority))

    groups = [[example(row) for row in group] for group in agreed(split.train)]
    groups += [[Example(text, index[key], NO_PRIORITY)] for text, key in split.descriptions]
    encoder, tokens = Encoder(source, recipe.lora), Tokens(source, recipe.texts.max_tokens)
    first = prototypes(encoder, tokens, [group[0] for group in groups], len(index))
    heads = Heads(functional.normalize(first, dim=-1))
    fit(encoder, heads, tokens, groups, [example(r) for r in split.validation], recipe, taxonomy, run.epoch)
    return encoder, heads.tensors()


def _write_encoder(encoder: Encoder, source: Source, bundle: Path) -> None:
    (bundle / "encoder").mkdir(parents=True)
    encoder.save_adapter(bundle / "adapter")
    adapter = bundle / "adapter" / "adapter_config.json"
    config = json.loads(adapter.read_text(encoding="utf-8"))
    # PEFT writes the machine's own path here, which means nothing anywhere else.
    adapter.write_text(
        json.dumps({**config, "base_model_name_or_path": source.name}, indent=1), encoding="utf-8"
    )
    encoder.merge()
    encoder.save_merged(bundle / "encoder", source)


def _write_engine(
    encoder: Encoder,
    heads: Tensors,
    recipe: Recipe,
    split: Sides,
    taxonomy: Taxonomy,
    bundle: Path,
) -> dict[str, Any]:
    choice = export_engine(
        encoder,
        bundle,
        [r.text for r in split.validation],
        [taxonomy.labels.index(r.issue_type) for r in split.validation],
        heads["issue_type.weight"],
        max_tokens=recipe.texts.max_tokens,
        policy=recipe.export,
    )
    return choice.as_dict()


def _lexical(
    recipe: Recipe,
    split: Sides,
    taxonomy: Taxonomy,
    heads: Tensors,
    at_validation: NDArray[np.float32],
) -> Tensors:
    """Fit the lexical part on one copy per family; validation decides how much it counts."""
    index = {label: i for i, label in enumerate(taxonomy.labels)}
    examples = [(group[0].text, group[0].issue_type) for group in agreed(split.train)]
    examples += split.descriptions
    idf, weight, bias = fit_lexical(
        [text for text, _ in examples],
        [index[key] for _, key in examples],
        len(index),
        strength=recipe.lexical.ridge_penalty,
    )
    gain = choose_gain(
        issue_type_logits(heads, at_validation),
        scores([r.text for r in split.validation], idf, weight, bias),
        [index[r.issue_type] for r in split.validation],
    )
    parts = (idf, weight, bias, np.asarray([gain], dtype=np.float32))
    return dict(zip(LEXICAL_TENSORS, parts, strict=True))


def _priority(recipe: Recipe, split: Sides, heads: Tensors, bundle: Path) -> Tensors:
    """Fit the priority head again on the finished engine's embeddings, rare priorities weighing more."""
    rows = [group[0] for group in agreed(split.train)]
    everyone = [row.priority for row in rows]
    chosen = [rows[i] for i in sample(everyone, random.Random(recipe.seed))]
    embeddings = embedded(bundle, chosen, recipe.texts.max_tokens, threads=torch.get_num_threads())
    features = priority_features(embeddings, [r.text for r in chosen], issue_type_logits(heads, embeddings))
    priorities = [r.priority for r in chosen]
    return fit_priority(features, priorities, class_weights(everyone, priorities))


def _write_rest(
    bundle: Path,
    facts: Facts,
    heads: Tensors,
    found: Measurement,
    extra: Mapping[str, Any],
    counts: Mapping[str, int],
) -> None:
    """Write everything of the bundle but encoder and manifest."""
    save_file(heads, bundle / HEADS)
    shutil.copyfile(DEFAULT_PATH, bundle / "taxonomy.yaml")
    texts = {
        "calibration.json": json.dumps(dict(found.temperatures)) + "\n",
        "evidence.json": evidence_as_json(found.evidence),
        "metrics.json": json.dumps({**found.metrics, **extra}) + "\n",
        "card.md": card(facts, found.metrics, counts, found.certificate, extra["resources"]),
    }
    for name, text in texts.items():
        (bundle / name).write_text(text, encoding="utf-8")


def _draw(run: Run, room: Path, found: Measurement, taxonomy: Taxonomy) -> None:
    metrics = found.metrics
    pictures = {
        "confusion_by_category.png": category_confusion(found.types, taxonomy),
        "reliability.png": reliability(found.types, metrics["ece"], metrics["ece_null"]),
        "risk_coverage.png": risk_coverage_curve(found.types, found.certificate),
    }
    for name, figure in pictures.items():
        save(figure, room / name)
        run.picture(room / name)


def _seed(recipe: Recipe) -> None:
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads or os.cpu_count() or 1)


@contextmanager
def _workroom(home: Path) -> Iterator[Path]:
    """A directory for half-made things, gone afterwards; those of killed runs go now."""
    rooms = home / "training"
    rooms.mkdir(parents=True, exist_ok=True)
    for left in rooms.glob("run-*"):
        pid = left.name.split("-")[1]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=rooms, prefix=f"run-{os.getpid()}-") as room:
        yield Path(room)


class _Meter:
    """What the run has cost so far."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {
            "cpu_seconds": round(time.process_time() - self._cpu, 1),
            "wall_seconds": round(time.perf_counter() - self._wall, 1),
            "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
