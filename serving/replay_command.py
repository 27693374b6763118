"""`firstline replay`: what another bundle or policy would have done with the history."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import BadInputError
from data.options import AsJson
from data.settings import read_settings

if TYPE_CHECKING:
    from data.store import Store
    from serving.replay import Past


def replay(
    bundle: Annotated[
        str, typer.Option(help="A bundle id, a version, `champion` or `challenger`.")
    ] = "champion",
    policy: Annotated[Path | None, typer.Option(help="A policy file; default: the one in use.")] = None,
    since: Annotated[str, typer.Option("--from", help="Tickets created from this day on.")] = "",
    until: Annotated[str, typer.Option("--to", help="Tickets created before this day.")] = "",
    threads: Annotated[int, typer.Option(min=0, max=64, help="Threads; 0: every core.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Decide stored history again as it stood; writes nothing to the tracker and goes on where it stopped."""
    from data.mapping_file import load_mapping
    from data.progress import progress
    from data.store import open_store, tickets
    from data.taxonomy import load_taxonomy
    from eval.promote import open_bundle
    from serving.engine import InProcessEngine
    from serving.policy import load_policy
    from serving.replay import Replay, run
    from serving.replay_report import lines, summary
    from serving.triage import Triage
    from serving.wiring import autonomy_of

    first, end = _day(since, "--from"), _day(until, "--to")
    if first is not None and end is not None and first >= end:
        raise BadInputError("--from is not before --to.", remedy="Give days like 2026-03-01 and 2026-06-01.")
    settings, taxonomy = read_settings(), load_taxonomy()
    with tempfile.TemporaryDirectory() as room, open_store(settings.database_url) as store:
        opened = open_bundle(bundle, settings, taxonomy, Path(room))
        rules = load_policy(policy or settings.policy, taxonomy)
        mapping = load_mapping(settings.home)
        length = opened.manifest.facts.max_tokens
        engine = InProcessEngine(opened.path, max_length=length, threads=threads or (os.cpu_count() or 1))
        deciding = Replay(Triage(opened, engine, rules, autonomy_of(opened, rules)), mapping)
        name = f"{opened.id} {rules.version} {first} {end}"
        kept = settings.home / "replays" / f"{hashlib.sha256(name.encode()).hexdigest()[:12]}.jsonl"
        kept.parent.mkdir(parents=True, exist_ok=True)
        with store.read() as conn:
            total = tickets.counts(conn)["tickets"]
        trained = _trained_on(settings.datasets, opened.manifest.facts.dataset)
        past = progress(_past(store, first, end, trained), label="Replaying", total=total)
        rows = list(run(deciding.decide, past, kept))
    if not rows:
        raise BadInputError(
            "The store has no ticket of that time.", remedy="Run `firstline sync`, or ask for other days."
        )
    found = {"bundle": opened.id, "policy": rules.version, "kept": str(kept), **summary(rows)}
    shown = [f"Bundle {opened.id}, policy {rules.version}", *lines(found), f"kept: {kept}"]
    print(json.dumps(found) if as_json else "\n".join(shown))


def _trained_on(datasets: Path, name: str) -> frozenset[str]:
    """Return the ids of tickets that taught the bundle. Raises `BadInputError` where its dataset is away."""
    from data.dataset.load import load, resolve
    from data.dataset.splits import TRAIN

    table = load(resolve(datasets, name)).table
    sides = zip(table["ticket_id"], table["split"], strict=True)
    return frozenset(str(ticket) for ticket, side in sides if side == TRAIN)


def _past(
    store: Store, first: datetime | None, end: datetime | None, trained: frozenset[str]
) -> Iterator[Past]:
    from data.store import decisions, outcomes, tickets
    from serving.replay import Past

    with store.read() as conn:
        closed = {o.ticket_id: o for o in outcomes.iterate(conn)}
        then = {d.ticket_id: d.decision for d in decisions.iterate(conn)}
    for record in tickets.stream(store, before=end):
        if first is None or record.created >= first:
            i = record.ticket.id
            yield Past(record, closed.get(i), then.get(i), i in trained)


def _day(text: str, option: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"{option} is {text!r}.", remedy="Write a day like 2026-03-01.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
