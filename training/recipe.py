"""A recipe file, checked before anything is computed: every problem at once, each with its key.

`python -m training.recipe [FILE ...]` checks the given recipes (default: all shipped ones).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import SettingsError

SHIPPED = Path(__file__).parent / "recipes"
Share = Annotated[float, Field(ge=0, lt=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Lora(_Part):
    """Where low-rank adapters sit and how large they are."""

    rank: int = Field(ge=1, le=128)
    alpha: int = Field(ge=1, le=512)
    top_layers: int = Field(ge=1, le=48)
    targets: list[Literal["query", "key", "value", "dense"]] = Field(min_length=1)


class Optimization(_Part):
    """How the weights move."""

    epochs: int = Field(ge=1, le=100)
    batch_size: int = Field(ge=2, le=512)
    learning_rate: float = Field(gt=0, le=0.1)
    head_learning_rate: float = Field(gt=0, le=0.1)
    weight_decay: float = Field(ge=0, le=1)
    warmup_share: Share
    gradient_clip: float = Field(gt=0)
    patience: int = Field(ge=1, le=100)


class Loss(_Part):
    """What is minimised."""

    label_smoothing: Share
    category_weight: float = Field(ge=0, le=10)
    priority_weight: float = Field(ge=0, le=10)


class Texts(_Part):
    """What the model reads while training."""

    max_tokens: int = Field(ge=16, le=512)
    definitions: bool
    answers: bool
    augmented_share: Share


class Lexical(_Part):
    """The linear model on words and letter groups beside the encoder."""

    ridge_penalty: float = Field(gt=0, le=1000)


class Export(_Part):
    """Which engine file the bundle gets."""

    int8: Literal["auto", "never"]
    largest_accuracy_loss: Share


class Recipe(_Part):
    """One training recipe; `training/recipes/categorize.yaml` explains every key."""

    task: Literal["categorize"]
    seed: int = Field(ge=0, le=2**31 - 1)
    threads: int = Field(ge=0, le=256)
    encoder: str = Field(min_length=1)
    validation_share: float = Field(ge=0.01, le=0.5)
    texts: Texts
    lora: Lora
    lexical: Lexical
    loss: Loss
    optimization: Optimization
    export: Export

    @model_validator(mode="after")
    def _patience_can_matter(self) -> Recipe:
        if self.optimization.patience > self.optimization.epochs:
            raise ValueError("optimization.patience is larger than optimization.epochs, so it never matters")
        return self


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe. Raises `SettingsError` naming every problem."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        shipped = ", ".join(f"training/recipes/{p.name}" for p in sorted(SHIPPED.glob("*.yaml")))
        raise SettingsError(
            f"There is no recipe {path}.", remedy=f"Name a recipe file, for instance {shipped}."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"The recipe {path} is not YAML: {error}", remedy="Correct that line.") from None
    if not isinstance(raw, dict):
        raise SettingsError(f"The recipe {path} is not a mapping.", remedy="Start from a shipped recipe.")
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(
            f"The recipe {path} has {len(problems)} problem(s):\n  - " + "\n  - ".join(problems),
            remedy="Correct these keys; training/recipes/categorize.yaml explains each.",
        ) from None


def main(arguments: list[str]) -> int:
    """Check recipes; print one line per file and return the number of wrong ones."""
    wrong = 0
    for path in [Path(a) for a in arguments] or sorted(SHIPPED.glob("*.yaml")):
        try:
            read_recipe(path)
            print(f"{path.name}: ok")
        except SettingsError as error:
            wrong += 1
            print(error, file=sys.stderr)
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
