"""The gate: what a candidate must show before it may serve. Pure.

It must fit the live taxonomy, reach the floors, be calibrated (ECE within 1.25 times what a perfectly
calibrated model shows at this n), and not be worse than the champion on the same held-out rows
(McNemar's exact test on issue type and on priority, each at 5 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import SettingsError
from eval.metrics.mcnemar import mcnemar

DEFAULT_PATH = Path(__file__).parent / "gate.yaml"
_Share = Annotated[float, Field(ge=0, le=1)]


class Floors(BaseModel):
    """The least a bundle must reach; `eval/gate.yaml` explains every key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issue_type_accuracy: _Share
    category_accuracy: _Share
    priority_accuracy: _Share
    least_families: int = Field(ge=1)
    ece_tolerance: float = Field(ge=1, le=100)
    significance: float = Field(gt=0, lt=1)


@dataclass(frozen=True)
class Measured:
    """One bundle on the held-out rows: its report and what it got right (n,)."""

    report: Mapping[str, Any]
    issue_type_correct: NDArray[np.bool_]
    priority_correct: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate may serve; `reasons` against it, `remarks` on what was compared."""

    passed: bool
    reasons: Sequence[str]
    remarks: Sequence[str]


def read_floors(path: Path = DEFAULT_PATH) -> Floors:
    """Read the gate's file. Raises `SettingsError` with every problem."""
    try:
        return Floors.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SettingsError(f"There is no gate file {path}.", remedy="Name an existing file.") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"The gate file {path} is not YAML: {error}", remedy="Correct it.") from None
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'gate'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(
            f"The gate file {path} has problems:\n  - " + "\n  - ".join(problems),
            remedy="eval/gate.yaml explains every key.",
        ) from None


def judge(candidate: Measured, champion: Measured | None, floors: Floors) -> Verdict:
    """Compare a candidate with the floors and, where there is one, with the champion."""
    reasons = _below_floors(candidate.report, floors)
    remarks: list[str] = []
    if champion is None:
        remarks.append("no champion yet: compared with the floors only")
        return Verdict(not reasons, reasons, remarks)
    for name, mine, theirs in (
        ("issue type", candidate.issue_type_correct, champion.issue_type_correct),
        ("priority", candidate.priority_correct, champion.priority_correct),
    ):
        paired = mcnemar(mine, theirs)
        line = (
            f"{name}: {100 * mine.mean():.1f} % against the champion's {100 * theirs.mean():.1f} % on the "
            f"same {mine.size} tickets (only the candidate right {paired.only_first}, only the champion "
            f"{paired.only_second}, p={paired.p_worse:.3f})"
        )
        if paired.p_worse <= floors.significance:
            reasons.append(f"worse at {line}")
        remarks.append(line)
    return Verdict(not reasons, reasons, remarks)


def _below_floors(report: Mapping[str, Any], floors: Floors) -> list[str]:
    found = []
    if report["families"] < floors.least_families:
        found.append(
            f"measured on {report['families']} audited texts only; {floors.least_families} are the least"
        )
    for name in ("issue_type_accuracy", "category_accuracy", "priority_accuracy"):
        value, floor = report[name]["value"], getattr(floors, name)
        if value < floor:
            found.append(f"{name} is {100 * value:.1f} % (n={report[name]['n']}), below {100 * floor:.1f} %")
    for name in ("ece", "priority_ece"):
        value, limit = report[name], report[f"{name}_null"] * floors.ece_tolerance
        if value > limit:
            found.append(
                f"{name} is {value:.3f}, above {limit:.3f} (what perfect calibration shows at this n, times "
                f"{floors.ece_tolerance:g})"
            )
    return found
