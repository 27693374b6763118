"""What a training run leaves in MLflow: parameters, input, curves, pictures, tables and the bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.dataset.load import Dataset
from data.settings import Settings
from eval.registry import ARTIFACT, connect
from training.fit import Epoch
from training.recipe import Recipe

EXPERIMENT = "firstline-categorize"


class Run:
    """One open MLflow run."""

    def __init__(self, mlflow: Any, run_id: str) -> None:
        self._mlflow, self.run_id = mlflow, run_id

    def start(self, recipe: Recipe, dataset: Dataset) -> None:
        """Log every recipe key, and the dataset (by our hash, not its rows) as the run's input."""
        self._mlflow.log_params(dict(_flat(recipe.model_dump())))
        frame = dataset.to_pandas()[["issue_type", "priority", "split", "audited"]]
        source = self._mlflow.data.from_pandas(
            frame, source=str(dataset.path), name="desk-history", digest=dataset.manifest.id
        )
        self._mlflow.log_input(source, context="training")
        self._mlflow.set_tags({"dataset": dataset.manifest.hash, "task": recipe.task})

    def epoch(self, epoch: Epoch) -> None:
        """Log one epoch's curve points."""
        self._mlflow.log_metrics(
            {
                "train/loss": epoch.loss,
                "validation/issue_type_accuracy": epoch.issue_type_accuracy,
                "validation/priority_accuracy": epoch.priority_accuracy,
                "train/learning_rate": epoch.learning_rate,
            },
            step=epoch.number + 1,
        )

    def finish(self, bundle: Path, metrics: Mapping[str, Any], resources: Mapping[str, float]) -> None:
        """Log final figures, the per-class table and the bundle's files."""
        flat = {f"test/{k}": v for k, v in _flat(metrics) if isinstance(v, int | float)}
        self._mlflow.log_metrics({**flat, **{f"resources/{k}": v for k, v in resources.items()}})
        classes = metrics["issue_type_classes"]
        table = {k: [c[k] for c in classes] for k in (classes[0] if classes else ())}
        self._mlflow.log_table(table, "issue_types.json")
        self._mlflow.log_artifacts(str(bundle), ARTIFACT)

    def picture(self, path: Path) -> None:
        """Log one picture."""
        self._mlflow.log_artifact(str(path), "pictures")


@contextmanager
def tracked(settings: Settings, name: str) -> Iterator[Run]:
    """Open a run; an exception or Ctrl-C marks it failed, and nothing is registered."""
    connect(settings.mlflow_uri)
    import mlflow

    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        artifacts = settings.home / "mlartifacts"
        artifacts.mkdir(parents=True, exist_ok=True)
        location = artifacts.as_uri() if settings.mlflow_uri.startswith("sqlite:") else None
        mlflow.create_experiment(EXPERIMENT, artifact_location=location)
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=name) as run:
        yield Run(mlflow, run.info.run_id)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif not isinstance(value, list) or not value or not isinstance(value[0], Mapping):
            yield f"{prefix}{key}", value
