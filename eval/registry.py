"""The registry: bundles in MLflow under one name, and the verified local copies that are served.

MLflow holds every bundle as a run's artifacts; `challenger` and `champion` are aliases of versions of
the model `firstline-triage`. The service needs none of it: a promoted bundle is copied to
`bundles/<id>/` and named in `bundles/champion`.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import BundleError, FirstlineError, StorageError
from eval.bundle import MANIFEST, Manifest, verify

MODEL = "firstline-triage"
CHALLENGER, CHAMPION = "challenger", "champion"
ARTIFACT = "bundle"
_TRAIN = "Train one: firstline train training/recipes/categorize.yaml."


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version."""

    version: int
    bundle: str
    dataset: str
    run_id: str
    created_ms: int
    aliases: tuple[str, ...]
    issue_type_accuracy: float | None


class Registry:
    """The MLflow model registry at a tracking URI. Opening it creates the database where it is new."""

    def __init__(self, uri: str) -> None:
        with _mlflow_errors():
            self._client = connect(uri)

    def register(self, run_id: str, manifest: Manifest, issue_type_accuracy: float) -> int:
        """Register the bundle logged in `run_id`, make it the challenger, return its version."""
        from mlflow.exceptions import MlflowException

        with _mlflow_errors():
            try:
                self._client.get_registered_model(MODEL)
            except MlflowException:
                self._client.create_registered_model(MODEL, description="Triage bundles; see each card.md.")
            source = f"{self._client.get_run(run_id).info.artifact_uri}/{ARTIFACT}"
            made = self._client.create_model_version(
                MODEL,
                source,
                run_id=run_id,
                tags={
                    "bundle": manifest.id,
                    "dataset": manifest.facts.dataset,
                    "issue_type_accuracy": f"{issue_type_accuracy:.4f}",
                },
            )
            self._client.set_registered_model_alias(MODEL, CHALLENGER, made.version)
            return int(made.version)

    def versions(self) -> list[Version]:
        """Return every version, newest first."""
        with _mlflow_errors():
            found = self._client.search_model_versions(f"name = '{MODEL}'")
            if not found:
                return []
            aliases = self._client.get_registered_model(MODEL).aliases
        listed = [_version(v, aliases) for v in found]
        return sorted(listed, key=lambda v: -v.version)

    def find(self, reference: str) -> Version:
        """Return the version with this number, alias or bundle id. Raises `BundleError`."""
        versions = self.versions()
        for v in versions:
            if reference in (str(v.version), v.bundle, *v.aliases):
                return v
        known = ", ".join(str(v.version) for v in versions[:5]) or "none"
        raise BundleError(
            f"No registered bundle is called {reference!r} (versions: {known}).",
            remedy=_TRAIN if not versions else "firstline bundles lists what there is.",
        )

    def fetch(self, version: Version, directory: Path) -> Path:
        """Copy a version's bundle below `directory`, verify it, return its path."""
        from mlflow.artifacts import download_artifacts

        with _mlflow_errors():
            path = download_artifacts(
                run_id=version.run_id, artifact_path=ARTIFACT, dst_path=str(directory), tracking_uri=self._uri
            )
        verify(Path(path))
        return Path(path)

    def crown(self, version: Version) -> None:
        """Point the alias `champion` at a version."""
        with _mlflow_errors():
            self._client.set_registered_model_alias(MODEL, CHAMPION, str(version.version))

    @property
    def _uri(self) -> str:
        return str(self._client.tracking_uri)


def connect(uri: str) -> Any:
    """Return an MLflow client on `uri`; MLflow's own chatter and telemetry stay off."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's defaults retry an absent server for many minutes; a person at the terminal wants to know.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    import mlflow

    for name in ("alembic", "mlflow.store.db.utils", "mlflow.store.model_registry", "mlflow.tracking"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri)


def install(source: Path, bundles: Path) -> Manifest:
    """Copy a bundle to `bundles/<id>/`, verified before it appears there; then name it champion.

    Interrupted at any point, the former champion stays installed and named.
    """
    bundles.mkdir(parents=True, exist_ok=True)
    manifest = verify(source)
    target = bundles / manifest.id
    if not _is_intact(target):
        with tempfile.TemporaryDirectory(dir=bundles, prefix=".installing-") as room:
            copy = Path(room) / manifest.id
            _copy(source, copy)
            verify(copy)
            if target.exists():
                target.rename(Path(room) / "damaged")
            copy.rename(target)
    name_champion(bundles, manifest.id)
    return manifest


def name_champion(bundles: Path, bundle_id: str) -> None:
    """Write `bundles/champion` at once: readers see the old name or the new one."""
    handle, name = tempfile.mkstemp(dir=bundles, prefix=".champion-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{bundle_id}\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(bundles / CHAMPION)


def champion_id(bundles: Path) -> str | None:
    """Return the id in `bundles/champion`; None where nothing was promoted."""
    try:
        return (bundles / CHAMPION).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def installed(bundles: Path) -> list[Path]:
    """Return the directories of installed bundles, by name."""
    return sorted(p.parent for p in bundles.glob(f"[!.]*/{MANIFEST}"))


def _is_intact(directory: Path) -> bool:
    try:
        verify(directory)
    except BundleError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target)
    except shutil.Error as error:  # a list of what could not be copied
        raise StorageError(
            f"The bundle could not be copied to {target.parent.parent}: {error}",
            remedy="Free disk space and check the rights on that directory, then promote again.",
        ) from None


def _version(v: Any, aliases: dict[str, str]) -> Version:
    accuracy = v.tags.get("issue_type_accuracy")
    return Version(
        version=int(v.version),
        bundle=v.tags.get("bundle", ""),
        dataset=v.tags.get("dataset", ""),
        run_id=str(v.run_id),
        created_ms=int(v.creation_timestamp),
        aliases=tuple(sorted(a for a, number in aliases.items() if int(number) == int(v.version))),
        issue_type_accuracy=float(accuracy) if accuracy is not None else None,
    )


@contextmanager
def _mlflow_errors() -> Iterator[None]:
    """Turn MLflow's and its database's failures into one sentence."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except FirstlineError:
        raise
    except (MlflowException, SQLAlchemyError, ConnectionError) as error:
        first = str(error).strip().splitlines()
        raise StorageError(
            f"MLflow does not answer: {first[0] if first else type(error).__name__}",
            remedy="Check FIRSTLINE_MLFLOW_URI and that its database or server can be reached. "
            "Serving needs no MLflow and goes on.",
        ) from None
