"""The bundle: everything that is promoted as one, with a checksum on every file.

```
manifest.json        what it is, what it fits, SHA-256 of every other file
encoder/             Hugging Face files of the merged encoder (config, model.safetensors, tokenizer)
engine.onnx          what the in-process engine runs
adapter/             the LoRA adapter as trained (PEFT format), for the record
heads.safetensors    heads on the embedding (see `eval.heads`)
calibration.json     one temperature per head
evidence.json        audited held-out scores and outcomes, for thresholds
taxonomy.yaml        the labels it was trained on
metrics.json card.md what was measured, and the model card
```
No torch, no MLflow, no pickle: a service can load it with NumPy alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from data.errors import BundleError, SettingsError
from data.tasks.categorize import TASK_VERSION
from data.taxonomy import Taxonomy, load_taxonomy

MANIFEST = "manifest.json"
ENGINE = "engine.onnx"
TOKENIZER = "encoder/tokenizer.json"
HEADS = "heads.safetensors"
EMBEDDING_DIM = 384
FIELDS = ("issue_type", "priority")
_ALLOWED = {".json", ".safetensors", ".onnx", ".yaml", ".md", ".txt"}
_REQUIRED = (ENGINE, TOKENIZER, HEADS, "calibration.json", "evidence.json", "taxonomy.yaml", "metrics.json")
_REBUILD = "Promote another bundle (firstline bundles lists them) or train again (firstline train)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a bundle is and what it fits. `max_tokens` is the length that the engine cuts texts to."""

    created: str
    dataset: str
    taxonomy_version: str
    task_version: str
    base_model: str
    code_revision: str
    kb_version: str
    recipe: str
    engine: str
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The facts, the SHA-256 of every file (by relative path) and the id that follows from both."""

    id: str
    facts: Facts
    files: Mapping[str, str]


@dataclass(frozen=True)
class Evidence:
    """Audited held-out rows of one field, one per text family; what thresholds are proven on.

    `scores` (n,) calibrated probability of the predicted label, `correct` (n,) boolean.
    """

    scores: NDArray[np.float64]
    correct: NDArray[np.bool_]
    predicted: tuple[str, ...]
    truth: tuple[str, ...]
    clients: tuple[str, ...]


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle. `heads` by tensor name, `temperatures` and `evidence` by field."""

    manifest: Manifest
    path: Path
    taxonomy: Taxonomy
    heads: Mapping[str, NDArray[np.float32]]
    temperatures: Mapping[str, float]
    evidence: Mapping[str, Evidence]
    metrics: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.manifest.id


def write_manifest(directory: Path, facts: Facts) -> Manifest:
    """Hash every file under `directory`, write its manifest, return it. The last step of making one."""
    files = {name: _sha256(directory / name) for name in sorted(_names(directory))}
    manifest = Manifest(id=_identity(facts, files), facts=facts, files=files)
    (directory / MANIFEST).write_text(
        json.dumps({"id": manifest.id, **asdict(facts), "files": files}, indent=1) + "\n", encoding="utf-8"
    )
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest without checking the files. Raises `BundleError`."""
    try:
        raw = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        names = {f.name for f in fields(Facts)}
        if set(raw) != names | {"id", "files"}:
            raise ValueError(
                f"has unexpected or missing keys: {sorted(set(raw) ^ (names | {'id', 'files'}))}"
            )
        facts = Facts(**{name: raw[name] for name in names})
        files = {str(k): str(v) for k, v in raw["files"].items()}
        return Manifest(id=str(raw["id"]), facts=facts, files=files)
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{directory} is not a bundle: it has no {MANIFEST}.", remedy=_REBUILD) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{directory / MANIFEST} cannot be read: {error}", remedy=_REBUILD) from None


def verify(directory: Path) -> Manifest:
    """Check every byte against the manifest. Raises `BundleError` that names each wrong file."""
    manifest = read_manifest(directory)
    present = set(_names(directory))
    problems = [f"{name} is missing" for name in sorted(set(manifest.files) - present)]
    problems += [f"{name} is not in the manifest" for name in sorted(present - set(manifest.files))]
    problems += [f"{name} has a type that no bundle holds" for name in sorted(present) if _foreign(name)]
    problems += [
        f"{n} is not part of this bundle, and every bundle has it"
        for n in _REQUIRED
        if n not in manifest.files
    ]
    problems += [
        f"{name} was changed (SHA-256 does not match)"
        for name in sorted(present & set(manifest.files))
        if _sha256(directory / name) != manifest.files[name]
    ]
    if not problems and manifest.id != _identity(manifest.facts, manifest.files):
        problems.append(f"{MANIFEST} was changed (its id does not follow from its content)")
    if problems:
        raise BundleError(
            f"Bundle {manifest.id} in {directory} is damaged:\n  - " + "\n  - ".join(problems),
            remedy=_REBUILD,
        )
    return manifest


def load_bundle(directory: Path, *, taxonomy: Taxonomy | None = None) -> Bundle:
    """Verify and load a bundle. Raises `BundleError` when damaged or when it does not fit.

    It must have been made by this version of the task, and for `taxonomy` where one is given.
    """
    manifest = verify(directory)
    check_fit(manifest, taxonomy)
    try:
        own = load_taxonomy(directory / "taxonomy.yaml")
        temperatures = {k: float(v) for k, v in _json(directory / "calibration.json").items()}
        evidence = {k: _evidence(v) for k, v in _json(directory / "evidence.json").items()}
        heads = load_file(directory / HEADS)
    except (SettingsError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"Bundle {manifest.id} cannot be loaded: {error}", remedy=_REBUILD) from None
    if own.version != manifest.facts.taxonomy_version:
        raise BundleError(f"Bundle {manifest.id} contradicts itself about its taxonomy.", remedy=_REBUILD)
    metrics = _json(directory / "metrics.json")
    return Bundle(manifest, directory, own, heads, temperatures, evidence, metrics)


def check_fit(manifest: Manifest, taxonomy: Taxonomy | None) -> None:
    """Raise `BundleError` unless the bundle fits this program's task and the live `taxonomy`."""
    facts = manifest.facts
    if facts.task_version != TASK_VERSION:
        raise BundleError(
            f"Bundle {manifest.id} was made for task {facts.task_version}, this program runs {TASK_VERSION}.",
            remedy="Train a bundle with this version (firstline train), or run the version that made it.",
        )
    if taxonomy is not None and facts.taxonomy_version != taxonomy.version:
        raise BundleError(
            f"Bundle {manifest.id} was made for taxonomy {facts.taxonomy_version}, "
            f"the desk's taxonomy is {taxonomy.version}.",
            remedy="Restore that taxonomy, or rebuild the dataset and train again (firstline data build; "
            "firstline train).",
        )


def evidence_as_json(evidence: Mapping[str, Evidence]) -> str:
    """Return the content of `evidence.json`; scores are rounded to six digits."""
    rows = {
        field: {
            "scores": [round(float(s), 6) for s in e.scores],
            "correct": [bool(c) for c in e.correct],
            "predicted": e.predicted,
            "truth": e.truth,
            "clients": e.clients,
        }
        for field, e in evidence.items()
    }
    return json.dumps(rows) + "\n"


def _evidence(raw: Mapping[str, Any]) -> Evidence:
    found = Evidence(
        np.asarray(raw["scores"], dtype=np.float64),
        np.asarray(raw["correct"], dtype=bool),
        tuple(raw["predicted"]),
        tuple(raw["truth"]),
        tuple(raw["clients"]),
    )
    if (
        len(
            {
                len(found.scores),
                len(found.correct),
                len(found.predicted),
                len(found.truth),
                len(found.clients),
            }
        )
        > 1
    ):
        raise ValueError("evidence.json has columns of different lengths")
    return found


def _identity(facts: Facts, files: Mapping[str, str]) -> str:
    text = json.dumps([asdict(facts), dict(sorted(files.items()))], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _names(directory: Path) -> list[str]:
    # A symbolic link counts as a file of its own: it is hashed through, or reported when dangling.
    return [
        p.relative_to(directory).as_posix()
        for p in directory.rglob("*")
        if (p.is_symlink() or not p.is_dir()) and p.relative_to(directory).as_posix() != MANIFEST
    ]


def _foreign(name: str) -> bool:
    return Path(name).suffix not in _ALLOWED


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        return "unreadable"


def _json(path: Path) -> dict[str, Any]:
    raw = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict):
        raise ValueError(f"{path.name} is not a JSON object")
    return raw


def with_path(bundle: Bundle, path: Path) -> Bundle:
    """Return the same bundle at another place (after a move)."""
    return replace(bundle, path=path)
