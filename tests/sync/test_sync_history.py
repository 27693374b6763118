"""The whole history is kept: who changed what when, of every kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from data.clock import ManualClock
from data.store import Store, migrate, open_store, tickets
from data.store.schema import changes, sync_state
from data.sync import poll, sync
from data.youtrack.client import YouTrackClient

T = TypeVar("T")


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    yield from items


def edit(desk: Any, issue_id: str, category: str, added: Any, removed: Any, **other: Any) -> None:
    desk.touch(issue_id)
    desk._log(issue_id, category, "kim", None, added, removed, **other)


def test_every_kind_of_change_is_kept_with_who_and_when(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    desk = tracker.desk
    one = desk.file()
    sync(client, store, clock, project="PAY", progress=silent)
    said = desk.comment(one, "first words")
    comment = desk.issues[one]["comments"][0]
    comment["text"] = "better words"
    edit(desk, one, "CommentTextCategory", "better words", "first words", target=comment)
    edit(desk, one, "SummaryCategory", "new summary", "old summary")
    edit(desk, one, "LinksCategory", [{"id": "3-9", "idReadable": "PAY-9"}], [])
    desk.tag(one, "vip")
    assert poll(client, store, clock, project="PAY") == [one]
    with store.read() as conn:
        record = tickets.find(conn, one)
    assert record is not None
    found = [(c.kind, c.subject, c.removed, c.added, c.author) for c in record.changes]
    assert found == [
        ("comment", said, None, None, "kim"),
        ("comment_text", said, "first words", "better words", "kim"),
        ("summary", None, "old summary", "new summary", "kim"),
        ("link", None, None, "3-9", "kim"),
        ("tags", None, None, "vip", "kim"),
    ]


def test_a_deleted_comment_takes_its_earlier_texts_along(
    tracker: Any, client: YouTrackClient, store: Store, clock: ManualClock
) -> None:
    desk = tracker.desk
    one = desk.file()
    desk.comment(one, "better words")
    comment = desk.issues[one]["comments"][0]
    edit(desk, one, "CommentTextCategory", "better words", "secret words", target=comment)
    sync(client, store, clock, project="PAY", progress=silent)
    comment["deleted"] = True
    gone = {"id": comment["id"], "text": "better words", "$type": "IssueComment"}
    edit(desk, one, "CommentsCategory", [], [gone], target=comment)
    poll(client, store, clock, project="PAY")
    with store.read() as conn:
        rows = conn.execute(select(changes)).all()
        record = tickets.find(conn, one)
    assert record is not None and record.comments[0].deleted
    assert "words" not in repr([tuple(r) for r in rows])
    assert record.changes[-1].removed == comment["id"]


def test_an_older_database_keeps_its_rows_and_reads_the_history_again(database_url: str) -> None:
    with open_store(database_url) as store, store.engine.begin() as conn:  # as the owner
        config = Config()
        config.set_main_option("script_location", str(migrate._SCRIPTS))
        config.attributes["connection"] = conn
        command.downgrade(config, "0001")
        for key in ("sync", "other"):
            conn.execute(text("INSERT INTO sync_state VALUES (:k, '{}')"), {"k": key})
        for field in ("State", "tags", "resolved"):
            row = {"i": f"14-{field}", "f": field}
            conn.execute(text("INSERT INTO staged_changes VALUES ('3-1', :i, 'kim', 1, :f, NULL, 'x')"), row)
        assert migrate.revision(conn) == "0001"
    with open_store(database_url) as store, store.read() as conn:
        kinds = conn.execute(text("SELECT field, kind FROM staged_changes ORDER BY field")).all()
        assert sorted(map(tuple, kinds)) == [("State", "field"), ("resolved", "resolved"), ("tags", "tags")]
        assert list(conn.execute(select(sync_state.c.key)).scalars()) == ["other"]
