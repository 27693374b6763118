"""A stored ticket comes back exactly as it went in, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from data.store import Store, tickets
from data.ticket import Attachment, Comment, FieldChange, Link, Ticket, TicketRecord

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# What both databases hold; NUL and lone surrogates are replaced at the edge and tested there.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60)
names = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)
moments = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
maybe_names = st.none() | names

comments = st.builds(
    Comment,
    id=names,
    author=names,
    text=texts,
    created=moments,
    internal=st.booleans(),
    deleted=st.booleans(),
)
changes = st.builds(
    FieldChange, id=names, author=names, at=moments, field=names, removed=maybe_names, added=maybe_names
)
attachments = st.builds(
    Attachment,
    id=names,
    name=texts,
    size=st.none() | st.integers(0, 2**40),
    mime_type=texts,
    created=st.none() | moments,
)
plain_tickets = st.builds(
    Ticket,
    id=names,
    summary=texts,
    description=texts,
    client=maybe_names,
    country=maybe_names,
    lang=maybe_names,
    created=st.none() | moments,
)
records = st.builds(
    TicketRecord,
    ticket=plain_tickets,
    project=names,
    readable_id=names,
    reporter=names,
    created=moments,
    updated=moments,
    resolved=st.none() | moments,
    state=names,
    issue_type=maybe_names,
    category=maybe_names,
    priority=maybe_names,
    team=maybe_names,
    tags=st.lists(names, max_size=3).map(tuple),
    comments=st.lists(comments, max_size=4, unique_by=lambda c: c.id).map(tuple),
    links=st.lists(st.builds(Link, names, names, names, names, names), max_size=3).map(tuple),
    attachments=st.lists(attachments, max_size=3).map(tuple),
    changes=st.lists(changes, max_size=4, unique_by=lambda c: c.id).map(tuple),
    raw_hash=names,
)


@contextmanager
def scratch(store: Store) -> Iterator[Connection]:
    """A transaction that is thrown away, so that every example starts from an empty store."""
    with store.engine.connect() as conn, conn.begin() as transaction:
        yield conn
        transaction.rollback()


def example(ticket_id: str = "3-1", client: str | None = "acme", **facts: object) -> TicketRecord:
    record = TicketRecord(
        ticket=Ticket(ticket_id, "No payslip", "Where is it?", client, "DE", None, NOW),
        project="PAY",
        readable_id=f"PAY-{ticket_id[2:]}",
        reporter="jo",
        created=NOW,
        updated=NOW,
        resolved=None,
        state="New",
        issue_type=None,
        category=None,
        priority="normal",
        team=None,
        comments=(Comment("7-1", "jo", "Please hurry", NOW, internal=False),),
        changes=(FieldChange("c1", "kim", NOW, "State", None, "New"),),
    )
    return replace(record, **facts)


@PROPERTY
@given(record=records)
def test_round_trip_is_exact(store: Store, record: TicketRecord) -> None:
    with scratch(store) as conn:
        assert tickets.upsert(conn, [record], seen_at=NOW) == 1
        found = tickets.get(conn, record.tenant, record.ticket.id)
        assert found == record
        assert found is not None
        assert found.raw_hash == record.raw_hash
        assert tickets.upsert(conn, [record], seen_at=NOW + timedelta(1)) == 0


@PROPERTY
@given(several=st.lists(records, max_size=6, unique_by=lambda r: r.ticket.id), batch=st.integers(1, 4))
def test_iterate_yields_every_ticket_once_in_key_order(
    store: Store, several: list[TicketRecord], batch: int
) -> None:
    with scratch(store) as conn:
        tickets.upsert(conn, several, seen_at=NOW)
        found = list(tickets.iterate(conn, batch=batch))
        assert sorted(r.ticket.id for r in found) == sorted(r.ticket.id for r in several)
        assert {r.ticket.id: r for r in found} == {r.ticket.id: r for r in several}
        resolved = list(tickets.iterate(conn, resolved_only=True, batch=batch))
        assert {r.ticket.id for r in resolved} == {r.ticket.id for r in several if r.resolved}
        totals = tickets.counts(conn)
        assert totals["tickets"] == len(several)
        assert totals["resolved"] == len(resolved)
        assert totals["comments"] == sum(len(r.comments) for r in several)


@PROPERTY
@given(first=records, second=records)
def test_a_newer_version_replaces_an_older_one_and_never_the_other_way(
    store: Store, first: TicketRecord, second: TicketRecord
) -> None:
    second = replace(second, ticket=replace(second.ticket, id=first.ticket.id))
    with scratch(store) as conn:
        tickets.upsert(conn, [first], seen_at=NOW)
        tickets.upsert(conn, [second], seen_at=NOW)
        expected = second if second.updated >= first.updated else first
        assert tickets.find(conn, first.ticket.id) == expected
        assert tickets.counts(conn)["tickets"] == 1


def test_a_ticket_moves_to_another_client_with_everything_about_it(store: Store) -> None:
    with store.write() as conn:
        tickets.upsert(conn, [example(client=None)], seen_at=NOW)
    with store.write() as conn:
        assert tickets.upsert(conn, [example(client="globex")], seen_at=NOW) == 1
    with store.read() as conn:
        assert tickets.get(conn, "unassigned", "3-1") is None
        assert tickets.get(conn, "globex", "3-1") == example(client="globex")
        assert tickets.by_tenant(conn) == {"globex": 1}


def test_a_tenant_cannot_read_anothers_ticket(store: Store) -> None:
    with store.write() as conn:
        tickets.upsert(conn, [example()], seen_at=NOW)
    with store.read() as conn:
        assert tickets.get(conn, "globex", "3-1") is None
        assert tickets.get(conn, "acme", "3-1") == example()


def test_find_takes_database_and_readable_ids(store: Store) -> None:
    with store.write() as conn:
        tickets.upsert(conn, [example()], seen_at=NOW)
        assert tickets.find(conn, "PAY-1") == tickets.find(conn, "3-1") == example()
        assert tickets.find(conn, "PAY-2") is None


@pytest.mark.parametrize("bad", ["\x00", "\ud800", "a\x00b\udfffc"])
def test_text_that_no_database_holds_is_kept_readable(store: Store, bad: str) -> None:
    record = example()
    record = replace(record, ticket=replace(record.ticket, description=f"before {bad} after"))
    with store.write() as conn:
        tickets.upsert(conn, [record], seen_at=NOW)
        found = tickets.find(conn, "3-1")
    assert found is not None
    text = found.ticket.description
    assert text.startswith("before ") and text.endswith(" after") and "\ufffd" in text


def test_before_cuts_by_creation_or_resolution(store: Store) -> None:
    day = timedelta(days=1)
    several = [example(f"3-{i}", created=NOW + i * day, resolved=NOW + (i + 5) * day) for i in range(1, 5)]
    with store.write() as conn:
        tickets.upsert(conn, several, seen_at=NOW)
        by_creation = [r.ticket.id for r in tickets.iterate(conn, before=NOW + 3 * day)]
        by_resolution = [r.ticket.id for r in tickets.iterate(conn, resolved_only=True, before=NOW + 7 * day)]
    assert by_creation == ["3-1", "3-2"]
    assert by_resolution == ["3-1"]


def test_a_stream_yields_the_same_and_lets_writers_in(store: Store) -> None:
    several = [example(f"3-{i}", client=f"c{i % 3}") for i in range(1, 12)]
    with store.write() as conn:
        tickets.upsert(conn, several, seen_at=NOW)
        expected = list(tickets.iterate(conn))
    found = []
    for record in tickets.stream(store, batch=3):
        found.append(record)
        with store.write() as conn:
            tickets.upsert(conn, [record], seen_at=NOW)
    assert found == expected
