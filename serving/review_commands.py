"""Commands: `firstline review next|record|status`: the audit sample, read blind."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from data.clock import SystemClock
from data.errors import BadInputError
from data.group import Group
from data.options import AsJson
from data.settings import read_settings

review_app = typer.Typer(
    no_args_is_help=True, help="The audit sample: what was done alone, drawn at random and read blind."
)


def register_review(app: typer.Typer) -> None:
    """Add this noun's commands to `app`."""
    app.add_typer(review_app, name="review")


@review_app.command("next")
def next_command(as_json: AsJson = False) -> None:
    """Show the next ticket of the sample: its text, and nothing of what was decided."""
    from data.store import open_store, reviews, tickets

    with open_store(read_settings().database_url) as store, store.read() as conn:
        waiting = reviews.waiting(conn)
        record = tickets.get(conn, waiting[0].tenant, waiting[0].ticket_id) if waiting else None
    if record is None:
        print(json.dumps(None) if as_json else "Nothing waits for review.")
        return
    text = {"summary": record.ticket.summary, "description": record.ticket.description}
    if as_json:
        print(json.dumps({"ticket": record.readable_id, "waiting": len(waiting), **text}))
        return
    print(f"{record.readable_id} ({len(waiting)} waiting)\n\n{text['summary']}\n\n{text['description']}\n")
    print(f"firstline review record {record.readable_id} --issue-type ... --by you")


@review_app.command("record")
def record_command(
    ticket: Annotated[str, typer.Argument(help="Ticket id, such as PAY-17.")],
    issue_type: Annotated[str, typer.Option("--issue-type", help="What it is, by the taxonomy.")],
    by: Annotated[str, typer.Option("--by", help="Who reviewed it.")],
    as_json: AsJson = False,
) -> None:
    """Keep a verdict. It may take a group's autonomy away, or give it back; that is said at once."""
    from data.store import open_store, reviews, tickets
    from data.taxonomy import load_taxonomy
    from serving.policy import load_policy
    from serving.watching import judge

    settings, taxonomy = read_settings(), load_taxonomy()
    if issue_type not in taxonomy.labels:
        raise BadInputError(
            f"There is no issue type {issue_type!r}.", remedy=f"Give one of: {', '.join(taxonomy.labels)}."
        )
    if not by.strip():
        raise BadInputError("--by is empty.", remedy="Say who reviewed the ticket.")
    promise, now = load_policy(settings.policy, taxonomy).category, SystemClock().now()
    with open_store(settings.database_url) as store, store.write() as conn:
        record = tickets.find(conn, ticket)
        drawn = None if record is None else reviews.get(conn, record.tenant, record.ticket.id)
        if drawn is None:
            raise BadInputError(
                f"{ticket} is not in the audit sample, and a ticket that somebody picked proves nothing.",
                remedy="`firstline review next` has one that was drawn.",
            )
        category = taxonomy.category_of(issue_type)
        reviews.record(conn, drawn, issue_type=issue_type, category=category, reviewer=by.strip(), now=now)
        changed = judge(conn, drawn, promise, now)
    right = category == drawn.said
    if as_json:
        print(json.dumps({"ticket": ticket, "right": right, "changed": _facts(changed)}))
        return
    print(f"{ticket}: recorded; what was decided was {'right' if right else 'wrong: ' + drawn.said}.")
    if changed is not None:
        name = Group(changed.client, changed.group)
        word = "may act alone again" if changed.lifted_at else "no longer acts alone"
        print(f"{name} {word}: {changed.errors} of {changed.reviewed} audited tickets were wrong.")


@review_app.command("status")
def status_command(as_json: AsJson = False) -> None:
    """Show, group by group, what the sample says about the promoted bundle."""
    from data.store import open_store
    from data.taxonomy import load_taxonomy
    from eval.registry import champion_id
    from serving.policy import load_policy
    from serving.watching import standings
    from serving.wiring import champion_directory

    settings = read_settings()
    promise = load_policy(settings.policy, load_taxonomy()).category
    bundle = champion_id(settings.bundles) or champion_directory(settings).name
    with open_store(settings.database_url) as store, store.read() as conn:
        found = standings(conn, bundle, promise)
    if as_json:
        print(json.dumps({"bundle": bundle, "groups": [asdict(s) for s in found]}))
        return
    if not found:
        print(f"Nothing that bundle {bundle} did alone was drawn yet.")
        return
    head = f"{'group':<40}  drawn  reviewed  wrong  odds against the promise"
    print(f"{head}\n{'-' * len(head)}")
    for s in found:
        state = "suspended" if s.suspended else f"alarm at {s.limit:.0f}"
        print(f"{s.group:<40}  {s.drawn:>5}  {s.reviewed:>8}  {s.wrong:>5}  {s.odds:>8.2g} ({state})")


def _facts(changed: Any) -> dict[str, Any] | None:
    if changed is None:
        return None
    return {
        "client": changed.client,
        "category": changed.group,
        "suspended": changed.lifted_at is None,
        "errors": changed.errors,
        "reviewed": changed.reviewed,
    }
