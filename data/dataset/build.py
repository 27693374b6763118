"""Building a dataset version from the store."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.clock import Clock
from data.dataset.answers import Answer, answers_of, of_the_desk
from data.dataset.canonical import SCHEMA_VERSION, answers_to_table, content_hash, to_table
from data.dataset.families import FAMILIES_VERSION, families
from data.dataset.manifest import ANSWERS_NAME, EXCLUDED_NAME, MANIFEST_NAME, ROWS_NAME, Manifest
from data.dataset.publish import fingerprints, publish
from data.dataset.rows import Exclusion, Row, rows_from
from data.dataset.splits import SPLITS, split
from data.errors import BadInputError
from data.labels import DeskRules
from data.redact.directory import Person
from data.redact.redactor import REDACTION_VERSION, Redactor
from data.tasks.categorize import TASK_VERSION
from data.taxonomy import Taxonomy
from data.ticket import TicketRecord

if TYPE_CHECKING:
    from data.store import Store

DESK = "desk"
"""Directory tenant of the desk's own people: their names are looked for in every client's tickets."""

Progress = Callable[..., Iterable[TicketRecord]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset that is complete but not yet written."""

    manifest: Manifest
    files: Mapping[str, bytes]

    def write(self, out: Path) -> bool:
        """Publish below `out` as `<id>/`; false where this content is already there."""
        return publish(
            out / self.manifest.id, {**self.files, MANIFEST_NAME: self.manifest.to_json().encode()}
        )


def build(
    store: Store,
    clock: Clock,
    *,
    out: Path,
    taxonomy: Taxonomy,
    salt: bytes,
    code_revision: str = "unknown",
    before: datetime | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Build a version from what the store holds and write it to `out/<id>/`.

    Same facts, same salt: same hash. Raises `BadInputError` where nothing can be learnt from, and
    `StorageError` where it cannot be written.
    """
    draft = draft_from_store(
        store,
        clock,
        taxonomy=taxonomy,
        salt=salt,
        code_revision=code_revision,
        before=before,
        progress=progress,
    )
    draft.write(out)
    return draft.manifest


def draft_from_store(
    store: Store,
    clock: Clock,
    *,
    taxonomy: Taxonomy,
    salt: bytes,
    code_revision: str = "unknown",
    before: datetime | None = None,
    progress: Progress | None = None,
    rules: DeskRules | None = None,
) -> Draft:
    """Do everything that `build` does except writing."""
    from data.intake import holding_undone
    from data.store import directory, tickets

    with store.read() as conn:
        people = directory.people(conn)
        # Read at once and let go: redaction takes longer, and on SQLite a reader makes writers wait.
        stored = [replace(record, comments=of_the_desk(record, rules)) for record in tickets.iterate(conn)]
        undone = holding_undone(conn, [r for r in stored if r.resolved is not None], rules or DeskRules())
    records = stored if progress is None else progress(stored, label="Redact")
    return draft_from(
        records,
        people=people,
        taxonomy=taxonomy,
        salt=salt,
        created=clock.now(),
        code_revision=code_revision,
        before=before,
        rules=rules,
        taken_back=undone,
    )


def draft_from(
    records: Iterable[TicketRecord],
    *,
    people: Sequence[Person],
    taxonomy: Taxonomy,
    salt: bytes,
    created: datetime,
    code_revision: str = "unknown",
    before: datetime | None = None,
    rules: DeskRules | None = None,
    taken_back: Collection[str] = (),
) -> Draft:
    """Build from `records` and the directory `people` (`Person.client` is the tenant). Pure.

    `taken_back` are ids of tickets that hold a label of ours which a person took back.
    """
    redactor_of, told = redactors(people, salt), list[TicketRecord]()

    def passing() -> Iterable[TicketRecord]:
        for record in records:
            if record.comments:
                told.append(record)
            yield record

    candidates, excluded = rows_from(
        passing(),
        taxonomy=taxonomy,
        redactor_of=redactor_of,
        before=before,
        rules=rules,
        taken_back=taken_back,
    )
    if not candidates:
        raise BadInputError(
            f"No ticket of {len(excluded)} in the store can be learnt from{_most(excluded)}.",
            remedy="Run `firstline sync`, and check that agents set issue type and priority.",
        )
    names = families([c.masked for c in candidates])
    grouped = [replace(c.row, family=f) for c, f in zip(candidates, names, strict=True)]
    rows, left_out = split(grouped)
    excluded += left_out
    answers = answers_of(told, rows, redactor_of, rules)
    versions = versions_of(taxonomy)
    files = {
        ROWS_NAME: _parquet(to_table(rows)),
        ANSWERS_NAME: _parquet(answers_to_table(answers)),
        EXCLUDED_NAME: _parquet(_excluded_table(excluded)),
    }
    manifest = Manifest(
        hash=content_hash(rows, answers, versions),
        created=created.isoformat(timespec="microseconds"),
        code_revision=code_revision,
        query={"resolved_before": before.isoformat() if before else None},
        versions=versions,
        counts=_counts(rows, answers, people),
        exclusions=dict(sorted(Counter(e.reason for e in excluded).items())),
        files=fingerprints(files),
    )
    return Draft(manifest, files)


def versions_of(taxonomy: Taxonomy) -> dict[str, str]:
    """Return the versions of everything that shapes a row; they are part of the hash."""
    return {
        "schema": SCHEMA_VERSION,
        "task": TASK_VERSION,
        "redaction": REDACTION_VERSION,
        "families": FAMILIES_VERSION,
        "taxonomy": taxonomy.version,
    }


def redactors(people: Sequence[Person], salt: bytes) -> Callable[[str], Redactor]:
    """Return a function that gives each tenant its redactor: its own people and the desk's."""

    @cache
    def of(tenant: str) -> Redactor:
        # A ticket that nobody could assign to a client may name anybody.
        mine = [p for p in people if p.client in (tenant, DESK) or tenant == "unassigned"]
        return Redactor(mine, salt=salt)

    return of


def _most(excluded: Sequence[Exclusion]) -> str:
    common = Counter(e.reason for e in excluded).most_common(3)
    return f" ({', '.join(f'{n} {reason}' for reason, n in common)})" if common else ""


def _counts(rows: Sequence[Row], answers: Sequence[Answer], people: Sequence[Person]) -> dict[str, Any]:
    def tally(values: Iterable[str]) -> dict[str, int]:
        return dict(sorted(Counter(values).items()))

    return {
        "rows": len(rows),
        "families": len({r.family for r in rows}),
        "audited": sum(r.audited for r in rows),
        "answers": len(answers),
        "splits": {s: sum(r.split == s for r in rows) for s in SPLITS},
        "split_families": {s: len({r.family for r in rows if r.split == s}) for s in SPLITS},
        "clients": tally(r.client for r in rows),
        "issue_types": tally(r.issue_type for r in rows),
        "priorities": tally(r.priority for r in rows),
        "directory": {
            c: n
            for c, n in tally(p.client for p in people).items()
            if c == DESK or any(r.client == c for r in rows)
        },
    }


def _excluded_table(excluded: Sequence[Exclusion]) -> Any:
    import pyarrow as pa

    schema = pa.schema([("ticket_id", pa.string()), ("reason", pa.string())])
    ordered = sorted(excluded, key=lambda e: e.ticket_id)
    return pa.Table.from_pylist([asdict(e) for e in ordered], schema=schema)


def _parquet(table: Any) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
