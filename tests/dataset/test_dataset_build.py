"""Building, writing, reading and comparing dataset versions."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from data.clock import ManualClock
from data.dataset import publish as publishing
from data.dataset.build import Draft, build, draft_from
from data.dataset.diff import diff
from data.dataset.load import list_datasets, load, resolve
from data.dataset.manifest import MANIFEST_NAME, ROWS_NAME
from data.errors import BadInputError, StorageError
from data.redact.directory import Person
from data.store import Store, directory, tickets
from data.tasks.categorize import render
from data.taxonomy import load_taxonomy
from data.ticket import Ticket, TicketRecord

SALT = bytes(range(32))


def drafted(records: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock) -> Draft:
    return draft_from(records, people=people, taxonomy=load_taxonomy(), salt=SALT, created=clock.now())


def filled(store: Store, records: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock) -> None:
    with store.write() as conn:
        tickets.upsert(conn, records, seen_at=clock.now())
        directory.replace(conn, "acme", people)


def test_the_same_facts_give_the_same_version_and_one_change_another(
    store: Store, history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock, tmp_path: Path
) -> None:
    out, taxonomy = tmp_path / "datasets", load_taxonomy()
    filled(store, history, people, clock)
    first = build(store, clock, out=out, taxonomy=taxonomy, salt=SALT)
    before = (out / first.id / MANIFEST_NAME).read_bytes()
    clock.advance(timedelta(hours=1))
    assert build(store, clock, out=out, taxonomy=taxonomy, salt=SALT).hash == first.hash
    assert (out / first.id / MANIFEST_NAME).read_bytes() == before

    kept = load(out / first.id).to_pandas()["ticket_id"].tolist()[0]
    changed = next(r for r in history if r.ticket.id == kept)
    later = changed.updated + timedelta(days=1)
    with store.write() as conn:
        tickets.upsert(conn, [replace(changed, priority="minor", updated=later)], seen_at=clock.now())
    second = build(store, clock, out=out, taxonomy=taxonomy, salt=SALT)
    assert second.hash != first.hash

    difference = diff(load(out / first.id), load(out / second.id))
    assert (difference.added, difference.removed) == ((), ())
    assert difference.changed == {kept: ("priority",)}
    assert [(c.field, c.before, c.after) for c in difference.labels] == [("priority", "normal", "minor")]
    assert [m.id for m in list_datasets(out)] == [first.id, second.id]
    assert resolve(out, "latest").name == second.id
    assert resolve(out, first.hash[:6]).name == first.id


def test_the_order_of_the_tickets_does_not_matter(
    history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock
) -> None:
    shuffled = random.Random(2).sample(history, len(history))
    a, b = drafted(history, people, clock), drafted(shuffled, people, clock)
    assert a.manifest.hash == b.manifest.hash
    assert a.files == b.files


def test_what_was_written_comes_back_redacted_and_rendered(
    history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock, tmp_path: Path
) -> None:
    draft = drafted(history, people, clock)
    assert draft.write(tmp_path)
    dataset = load(tmp_path / draft.manifest.id)
    frame = dataset.to_pandas()
    assert len(frame) == draft.manifest.counts["rows"] == len(dataset.table)
    assert frame["ticket_id"].is_unique
    for name in ("train", "calibration", "test"):
        assert len(dataset.split(name)) == draft.manifest.counts["splits"][name] > 0
    sides = frame.groupby("family")["split"].nunique()
    assert sides.max() == 1
    assert set(frame[frame.split != "train"]["audited"]) == {True}
    assert set(frame["category"]) <= set(load_taxonomy().categories)
    everything = "\n".join(frame["text"]).lower()
    assert not any(p.name.lower() in everything or p.employee_id.lower() in everything for p in people)
    for row in frame.itertuples():
        assert row.text == render(Ticket("x", row.summary, row.description))
    left_out = sum(draft.manifest.exclusions.values())
    assert len(frame) + left_out == len(history)
    assert len(dataset.reasons) == left_out


def test_what_cannot_be_learnt_from_is_left_out_with_a_reason(
    record: Callable[..., TicketRecord], people: tuple[Person, ...], clock: ManualClock
) -> None:
    good = record(1, "The {month} payslip of {name} is missing", "payslip_missing")
    taxonomy = load_taxonomy()
    bad = {
        "unresolved": replace(good, resolved=None),
        "not_by_human": record(3, "Reset {name}", "password_reset", resolver="svc-firstline"),
        "empty_text": replace(good, ticket=replace(good.ticket, summary=" ", description="\n")),
        "no_issue_type": replace(good, issue_type=None),
        "unknown_issue_type": replace(good, issue_type="coffee"),
        "no_priority": replace(good, priority=None),
        "unknown_priority": replace(good, priority="show-stopper"),
        "resolved_after_cut": replace(good, resolved=clock.now() + timedelta(days=1)),
    }
    records = [good, *(replace(r, ticket=replace(r.ticket, id=f"2-{reason}")) for reason, r in bad.items())]
    draft = draft_from(
        records, people=people, taxonomy=taxonomy, salt=SALT, created=clock.now(), before=clock.now()
    )
    assert draft.manifest.exclusions == dict.fromkeys(sorted(bad), 1)
    assert draft.manifest.counts["rows"] == 1


def test_nothing_to_learn_from_is_one_clear_message(clock: ManualClock, people: tuple[Person, ...]) -> None:
    with pytest.raises(BadInputError, match="No ticket of 0"):
        drafted([], people, clock)


def test_a_client_sees_only_its_own_directory(
    record: Callable[..., TicketRecord], people: tuple[Person, ...], clock: ManualClock, tmp_path: Path
) -> None:
    theirs = record(1, "The {month} payslip of {name} is missing", "payslip_missing")
    others = replace(theirs, ticket=replace(theirs.ticket, id="2-9", client="other"))
    draft = drafted([theirs, others], people, clock)
    draft.write(tmp_path)
    texts = load(tmp_path / draft.manifest.id).to_pandas().set_index("client")["text"]
    assert texts["acme"] != texts["other"]
    assert any(p.name in texts["other"] for p in people)


@pytest.mark.parametrize("name", [ROWS_NAME, "excluded.parquet", MANIFEST_NAME])
def test_a_damaged_file_is_named(
    history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock, tmp_path: Path, name: str
) -> None:
    draft = drafted(history, people, clock)
    draft.write(tmp_path)
    path = tmp_path / draft.manifest.id / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content[: len(content) // 2] if name == MANIFEST_NAME else content)
    with pytest.raises(BadInputError, match=name):
        load(path.parent)
    path.unlink()
    with pytest.raises(BadInputError, match=name):
        load(path.parent)


def test_rows_of_another_dataset_are_refused(
    history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock, tmp_path: Path
) -> None:
    draft = drafted(history, people, clock)
    draft.write(tmp_path)
    path = tmp_path / draft.manifest.id
    manifest = json.loads((path / MANIFEST_NAME).read_text())
    (path / MANIFEST_NAME).write_text(
        json.dumps({**manifest, "versions": {**manifest["versions"], "task": "x"}})
    )
    with pytest.raises(BadInputError, match="hash mismatch"):
        load(path)


def test_an_unknown_or_ambiguous_reference_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="does not exist") as error:
        resolve(tmp_path / "none", "latest")
    assert "firstline data build" in error.value.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tiny file system needs root")
def test_a_full_disk_leaves_nothing_behind(
    history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock, tmp_path: Path
) -> None:
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this system does not let root mount")
    try:
        with pytest.raises(StorageError, match="No space left") as error:
            drafted(history, people, clock).write(small)
        assert "Free disk space" in error.value.remedy
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize("failing", ["_write", "_flush", "_move"])
def test_any_failure_while_writing_leaves_nothing_behind_and_a_rerun_succeeds(
    history: list[TicketRecord],
    people: tuple[Person, ...],
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    draft = drafted(history, people, clock)
    with monkeypatch.context() as patched:
        patched.setattr(publishing, failing, fails)
        with pytest.raises(StorageError, match="No space left"):
            draft.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert draft.write(tmp_path)
    load(tmp_path / draft.manifest.id)


def test_an_interrupted_write_leaves_nothing_behind(
    history: list[TicketRecord],
    people: tuple[Person, ...],
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    draft = drafted(history, people, clock)
    monkeypatch.setattr(publishing, "_flush", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draft.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_exists_is_left_alone(
    history: list[TicketRecord], people: tuple[Person, ...], clock: ManualClock, tmp_path: Path
) -> None:
    draft = drafted(history, people, clock)
    assert draft.write(tmp_path)
    assert not draft.write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [draft.manifest.id]
