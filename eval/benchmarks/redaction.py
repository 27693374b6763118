"""Recall and precision of redaction against the sandbox's slots: `python -m eval.benchmarks.redaction`.

The world knows exactly which characters of a ticket are personal, because it filled them in.

- **Recall** of a kind: the share of its spans of which every letter and digit was replaced (under
  whatever kind; half a name found is a miss).
- **Precision** of a kind: the share of the stretches replaced as that kind that touch a personal span.
  Names that are part of a hand-written text, not of a slot, count as wrong here although replacing them
  is right, so precision is a lower bound.

Measured with the clients' directories (as in use) and without any (shapes and checksums alone). Intervals
are Clopper-Pearson, 95 %, two-sided. Tickets repeat texts with other values; values differ, contexts may
not, so the interval holds for values in these contexts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.dataset.build import DESK, redactors
from data.redact.directory import Person
from data.redact.redactor import Redactor
from data.redact.span import Redaction
from data.sandbox.world import World, WorldConfig, WorldTicket, build_world
from data.ticket import Ticket
from eval.benchmarks.row import row
from eval.metrics.proportion import Proportion, proportion

STRUCTURED = ("iban", "national_id", "phone", "email", "employee_id")
# Employee ids have no general shape: theirs is learned from the directory.
SELF_EVIDENT = ("iban", "national_id", "phone", "email")
NAMES = ("person", "agent")
STRUCTURED_BAR, NAMES_BAR = 0.995, 0.99
_SALT = b"benchmark salt, nothing is published"
_EXAMPLES = 8


@dataclass(frozen=True)
class Measured:
    """Recall by kind of truth, precision by kind of replacement, and examples of what went wrong."""

    recall: Mapping[str, Proportion]
    precision: Mapping[str, Proportion]
    missed: tuple[str, ...]
    wrong: tuple[str, ...]

    def pooled(self, kinds: Iterable[str]) -> Proportion:
        """Return the recall of several kinds together."""
        present = [self.recall[k] for k in kinds if k in self.recall]
        return proportion(sum(p.hits for p in present), sum(p.n for p in present))


def directory_of(world: World) -> list[Person]:
    """Return everyone the product is told about: each client's HR export and the desk's roster."""
    people = [
        Person(e.name, e.email, e.employee_id, e.phone, e.iban, e.national_id, e.address, client)
        for client, directory in world.directories.items()
        for e in directory.people
    ]
    return people + [Person(a.name, a.email, client=DESK) for a in world.desk.everyone]


def measure(tickets: Sequence[WorldTicket], people: Sequence[Person]) -> Measured:
    """Redact `tickets` with the directory `people` and compare with their spans."""
    redactor_of = redactors(people, _SALT)
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    replaced: Counter[str] = Counter()
    missed: list[str] = []
    wrong: list[str] = []
    for ticket in tickets:
        for name, text, redaction in _redacted(ticket, redactor_of(ticket.client)):
            covered = {i for s in redaction.spans for i in range(s.start, s.end)}
            truth = {i for s in ticket.spans if s.field == name for i in range(s.start, s.end)}
            for span in (s for s in ticket.spans if s.field == name):
                whole = all(i in covered for i in range(span.start, span.end) if text[i].isalnum())
                total[span.kind] += 1
                found[span.kind] += whole
                if not whole:
                    missed.append(f"{span.kind}: {_around(text, span.start, span.end)}")
            for put in redaction.spans:
                hit = any(i in truth for i in range(put.start, put.end))
                replaced[put.kind] += 1
                right[put.kind] += hit
                if not hit:
                    wrong.append(f"{put.kind}: {_around(text, put.start, put.end)}")
    return Measured(
        {k: proportion(found[k], total[k]) for k in sorted(total)},
        {k: proportion(right[k], replaced[k]) for k in sorted(replaced)},
        tuple(missed),
        tuple(wrong),
    )


def _redacted(ticket: WorldTicket, redactor: Redactor) -> Iterable[tuple[str, str, Redaction]]:
    plain = Ticket(
        str(ticket.number), ticket.summary, ticket.description, ticket.client, ticket.country, ticket.lang
    )
    _, summary, description = redactor.redact_ticket(plain)
    return ("summary", ticket.summary, summary), ("description", ticket.description, description)


def _around(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - 25) : start], text[end : end + 20]
    return f"{before}[{text[start:end]}]{after}".replace("\n", " / ")


def report(world: World) -> dict[str, object]:
    """Measure the world's tickets with and without directories; plain data for JSON."""
    tickets = (*world.history, *world.live)
    people = directory_of(world)
    known, unknown = measure(tickets, people), measure(tickets, [])
    structured, names = known.pooled(STRUCTURED), known.pooled(NAMES)
    return {
        "tickets": len(tickets),
        "people": len(people),
        "with_directory": _plain(known),
        "without_directory": _plain(unknown),
        "structured": structured.as_dict(),
        "structured_without_directory": unknown.pooled(SELF_EVIDENT).as_dict(),
        "names": names.as_dict(),
        "bars": {"structured": STRUCTURED_BAR, "names": NAMES_BAR},
        "passed": structured.value >= STRUCTURED_BAR and names.value >= NAMES_BAR,
    }


def _plain(measured: Measured) -> dict[str, object]:
    return {
        "recall": {k: p.as_dict() for k, p in measured.recall.items()},
        "precision": {k: p.as_dict() for k, p in measured.precision.items()},
        "missed": _few(measured.missed),
        "wrong": _few(measured.wrong),
    }


def _taken_out(part: object) -> dict[str, list[str]]:
    assert isinstance(part, dict)
    return {key: part.pop(key) for key in ("missed", "wrong")}


def _few(examples: Sequence[str]) -> list[str]:
    """Return the first examples of each kind."""
    by_kind: dict[str, list[str]] = {}
    for example in examples:
        by_kind.setdefault(example.partition(":")[0], []).append(example)
    return [e for some in by_kind.values() for e in some[:_EXAMPLES]]


def table(found: Mapping[str, object]) -> str:
    """Return the report as text."""
    lines = [f"{found['tickets']} tickets, {found['people']} people in the directories"]
    for title, key in (
        ("with directories", "with_directory"),
        ("without any directory", "without_directory"),
    ):
        part = found[key]
        assert isinstance(part, dict)
        lines.append(f"\n{title:<24}{'recall (95 % interval)':<40}precision (95 % interval)")
        for kind in sorted({*part["recall"], *part["precision"]}):
            cells = [_cell(part[what].get(kind)) for what in ("recall", "precision")]
            lines.append(f"  {kind:<22}{cells[0]:<40}{cells[1]}")
    lines.append("")
    for name, bar in (("structured", STRUCTURED_BAR), ("names", NAMES_BAR)):
        lines.append(f"{name:<24}{_cell(found[name]):<40}bar {100 * bar:.1f} %")
    alone = _cell(found["structured_without_directory"])
    lines.append(f"{'  without directory':<24}{alone:<40}({', '.join(SELF_EVIDENT)})")
    lines.append("passed" if found["passed"] else "NOT passed")
    lines.append(
        row(
            f"`redaction`: {found['tickets']} tickets, {found['people']} people in the directories",
            f"structured {_cell(found['structured'])}, names {_cell(found['names'])}",
            f"{100 * STRUCTURED_BAR:g} % and {100 * NAMES_BAR:g} %",
            met=bool(found["passed"]),
        )
    )
    return "\n".join(lines)


def _cell(share: object) -> str:
    if not isinstance(share, dict) or not share["n"]:
        return "-"
    value, low, high = (100 * float(share[k]) for k in ("value", "low", "high"))
    return f"{value:.2f} % ({low:.2f} to {high:.2f}, n={share['n']})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m eval.benchmarks.redaction", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--tickets-per-day", type=float, default=44.0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--examples", action="store_true", help="also print what was missed or wrong")
    given = parser.parse_args(arguments)
    world = build_world(
        WorldConfig(seed=given.seed, months=given.months, tickets_per_day=given.tickets_per_day)
    )
    found = report(world)
    # Examples hold what redaction left: only who asks for them gets them.
    examples = {key: _taken_out(found[key]) for key in ("with_directory", "without_directory")}
    if given.json:
        print(json.dumps({**found, "examples": examples} if given.examples else found, ensure_ascii=False))
    else:
        print(table(found))
    if given.examples and not given.json:
        for key, part in examples.items():
            print(f"\n{key}:", *part["missed"], "-- wrong:", *part["wrong"], sep="\n  ")
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
