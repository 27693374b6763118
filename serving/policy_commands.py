"""Commands: `firstline policy plan|check`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import BadInputError
from data.options import AsJson
from data.settings import read_settings
from eval.groups import REST, Grouping

if TYPE_CHECKING:  # `firstline --help`, and the start of every process, stay fast
    from serving.plan import Line, Plan

_NEAREST = 5
policy_app = typer.Typer(
    no_args_is_help=True, help="What may be done alone: plan it, and check a policy file."
)


def register_policy(app: typer.Typer) -> None:
    """Add this noun's commands to `app`."""
    app.add_typer(policy_app, name="policy")


@policy_app.command("plan")
def plan_command(
    budget: Annotated[
        float | None, typer.Option(help="Share of wrong categories accepted at most, for instance 0.05.")
    ] = None,
    confidence: Annotated[float | None, typer.Option(help="How sure to be of it, for instance 0.95.")] = None,
    groups: Annotated[
        str | None,
        typer.Option(help="Keep the promise for the `desk`, each `category`, or `client_category`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show, group by group, what the promoted bundle's evidence allows. Changes nothing."""
    from serving.plan import plan, wished
    from serving.policy import load_policy
    from serving.wiring import load_champion

    for name, value in (("--budget", budget), ("--confidence", confidence)):
        if value is not None and not 0 < value < 1:
            raise BadInputError(
                f"{name} is {value}.", remedy="Give a share between 0 and 1, for instance 0.05."
            )
    settings = read_settings()
    bundle = load_champion(settings)
    policy = load_policy(settings.policy, bundle.taxonomy)
    wish = wished(policy, budget=budget, confidence=confidence, groups=_grouping(groups))
    found = plan(wish, category=bundle.evidence["category"], priority=bundle.evidence["priority"])
    if as_json:
        print(
            json.dumps(
                {
                    "bundle": bundle.id,
                    "groups": [line.as_dict() for line in found.lines],
                    "priority": asdict(found.priority),
                    "thin": [{"group": str(group), "audited": n} for group, n in found.thin],
                    "own_from": found.own_from,
                    "alone": found.alone,
                    "wrong": found.wrong,
                }
            )
        )
        return
    promise = wish.category
    print(
        f"Bundle {bundle.id}: at most {promise.error_budget:.1%} wrong categories where it writes alone, "
        f"{promise.confidence:.0%} sure"
    )
    print("\n".join(_table(found)))


@policy_app.command("check")
def check_command(file: Annotated[Path, typer.Argument(help="A policy file (YAML).")]) -> None:
    """Check a policy file; every problem is listed at once."""
    from data.taxonomy import load_taxonomy
    from serving.policy import load_policy

    print(f"{file.name}: policy {load_policy(file, load_taxonomy()).version}")


def _grouping(name: str | None) -> Grouping | None:
    if name is None:
        return None
    match name:
        case "desk" | "category" | "client_category":
            return name
        case _:
            raise BadInputError(f"--groups is {name!r}.", remedy="Give desk, category or client_category.")


def _table(found: Plan) -> list[str]:
    width = max(len(_name(line, found)) for line in found.lines)
    head = f"{'group':<{width}}  audited  accepted  wrong  at most  from sure  coverage  what is missing"
    lines = [
        head,
        "-" * len(head),
        *(_row(line, _name(line, found).ljust(width)) for line in found.lines),
        "-" * len(head),
    ]
    total = f"{found.alone:.1%} of all tickets are written alone, {found.wrong:.1%} of all alone and wrong."
    return [*lines, total, *_pooled(found)]


def _pooled(found: Plan) -> list[str]:
    if not found.thin:
        return []
    nearest = sorted(found.thin, key=lambda pair: -pair[1])[:_NEAREST]
    listed = ", ".join(f"{group} {n}" for group, n in nearest)
    return [
        f"{len(found.thin)} groups are pooled until {found.own_from} of their own tickets were reviewed. "
        f"The nearest: {listed}."
    ]


def _name(line: Line, found: Plan) -> str:
    return "all others" if line.group == REST and len(found.lines) > 1 else str(line.group)


def _row(line: Line, name: str) -> str:
    c = line.certificate
    certified = c.threshold is not None
    sure = f"{c.threshold:.1%}" if c.threshold is not None else "never"
    coverage = f"{c.coverage:.0%}" if certified else "-"
    return (
        f"{name}  {c.audited:>7}  {c.n:>8}  {c.errors:>5}  {c.bound:>7.1%}  {sure:>9}  "
        f"{coverage:>8}  {_missing(line)}"
    ).rstrip()


def _missing(line: Line) -> str:
    kept = f"people keep at least {line.handed_over:.0%}" if line.handed_over else ""
    if line.more is None:
        return f"out of reach: the surest are wrong too often{'; ' + kept if kept else ''}"
    return f"about {line.more} more audited tickets" if line.more else kept
