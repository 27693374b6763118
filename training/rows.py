"""What is trained on: dataset rows, sorted into train, validation and the two audited sides. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from data.dataset.answers import Answer
from data.errors import BadInputError
from data.taxonomy import PRIORITIES, Taxonomy
from eval.report import Row, row_of
from training.recipe import Texts

LEAST_TRAIN, LEAST_AUDITED = 50, 20


@dataclass(frozen=True)
class Sides:
    """Rows by use. No family is on two sides; only `calibration` and `test` are audited.

    `descriptions` are further (text, issue type) to train on that are no tickets.
    """

    train: list[Row]
    validation: list[Row]
    calibration: list[Row]
    test: list[Row]
    descriptions: list[tuple[str, str]] = field(default_factory=list)


def sides(
    table: Mapping[str, Sequence[object]],
    taxonomy: Taxonomy,
    validation_share: float,
    descriptions: Sequence[tuple[str, str]] = (),
) -> Sides:
    """Sort the columns of a dataset into sides; validation families are cut from train by their hash.

    Raises `BadInputError` with every reason why the dataset cannot be trained on.
    """
    found: dict[str, list[Row]] = defaultdict(list)
    names = ("ticket_id", "client", "text", "issue_type", "priority", "family")
    for split, audited, *values in zip(
        table["split"], table["audited"], *(table[n] for n in names), strict=True
    ):
        row = row_of(values)
        if split == "train":
            found["validation" if _hash(row.family) < validation_share else "train"].append(row)
        elif audited:
            found[str(split)].append(row)
    made = Sides(found["train"], found["validation"], found["calibration"], found["test"], list(descriptions))
    _check(made, taxonomy)
    return made


def _check(made: Sides, taxonomy: Taxonomy) -> None:
    everything = [*made.train, *made.validation, *made.calibration, *made.test]
    named = {r.issue_type for r in everything} | {key for _, key in made.descriptions}
    foreign = sorted(named - set(taxonomy.labels))
    problems = []
    if len(made.train) < LEAST_TRAIN:
        problems.append(f"it has {len(made.train)} rows to train on; {LEAST_TRAIN} are the least")
    if not made.validation:
        problems.append("no family fell into the validation slice")
    for side in ("calibration", "test"):
        rows = getattr(made, side)
        if len(rows) < LEAST_AUDITED:
            problems.append(f"it has {len(rows)} audited rows for {side}; {LEAST_AUDITED} are the least")
    if foreign:
        problems.append(f"issue types that the taxonomy does not have: {', '.join(foreign[:5])}")
    if problems:
        raise BadInputError(
            "The dataset cannot be trained on:\n  - " + "\n  - ".join(problems),
            remedy="Sync more history, have more tickets reviewed, then run `firstline data build`.",
        )


def agreed(rows: Sequence[Row]) -> list[list[Row]]:
    """Group rows by family, each copy with the labels that most copies have.

    Copies of one text by several agents are votes; the mistaken label of one is outvoted. Groups and
    rows keep their first order, ties keep the first label.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.family].append(row)
    return [
        [
            replace(
                row,
                issue_type=Counter(r.issue_type for r in group).most_common(1)[0][0],
                priority=Counter(r.priority for r in group).most_common(1)[0][0],
            )
            for row in group
        ]
        for group in groups.values()
    ]


def descriptions(texts: Texts, taxonomy: Taxonomy, answers: Sequence[Answer]) -> list[tuple[str, str]]:
    """Return the (text, issue type) beside the tickets that the recipe asks for."""
    found = definitions(taxonomy) if texts.definitions else []
    return [*found, *((a.text, a.issue_type) for a in answers if texts.answers)]


def definitions(taxonomy: Taxonomy) -> list[tuple[str, str]]:
    """Return (text, issue type) from the taxonomy's own words: every type's `about` line."""
    return [(f"{t.key.replace('_', ' ')}\n{t.about}", t.key) for t in taxonomy.issue_types.values()]


def priority_index(priority: str) -> int:
    """Return the position of a priority among `PRIORITIES`."""
    return PRIORITIES.index(priority)


def _hash(family: str) -> float:
    return int(hashlib.sha256(f"validation:{family}".encode()).hexdigest()[:12], 16) / 16**12
