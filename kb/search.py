"""Search over articles and patterns: who may see what is decided before anything is ranked.

`SearchIndex` is what callers know; `WordIndex` is the first of its kind: SQLite FTS5 in memory, built from
the files in a fraction of a second. The BM25 statistics are those of all passages; the rows are not.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Protocol, Self

from kb.lifecycle import Status
from kb.passage import Kind, Passage

_WORDS = re.compile(r"\w+")
_MOST_WORDS = 64
# Words that say nothing about a case. With short titles weighing most, they would decide the ranking.
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        a about all also am an and any are as at be been but by can cannot could did do does for from get
        got had has have hello help hi how i if in into is it its just me my no nor not of on or our please
        so some still thank thanks that the their them then there these they this to too up us was we were
        what when where which while who why will with would yet you your
        """,
    )
)
_SCHEMA = """
CREATE TABLE passage (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, document TEXT, kind TEXT, audience TEXT, status TEXT,
    first_day TEXT, last_day TEXT, title TEXT, heading TEXT, text TEXT
);
CREATE TABLE limits (number INTEGER, what TEXT, value TEXT, PRIMARY KEY (number, what, value)) WITHOUT ROWID;
CREATE TABLE topic (number INTEGER, issue_type TEXT, PRIMARY KEY (number, issue_type)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
    title, heading, text, about, tokenize = "porter unicode61 remove_diacritics 2"
);
"""
# A pattern or article limited to something is offered only where that is known: an unknown client sees
# what is for every client, and nothing else.
_ALLOWED = """
    SELECT number FROM passage p WHERE first_day <= :on AND last_day >= :on
    AND status IN (SELECT value FROM json_each(:statuses))
    AND (:audience = 'agent' OR audience = 'requester')
    AND (:kinds = '[]' OR kind IN (SELECT value FROM json_each(:kinds)))
    AND (:issue_types = '[]' OR EXISTS (SELECT 1 FROM topic t WHERE t.number = p.number
         AND t.issue_type IN (SELECT value FROM json_each(:issue_types))))
    AND NOT EXISTS (SELECT 1 FROM limits l WHERE l.number = p.number
         AND NOT EXISTS (SELECT 1 FROM limits m WHERE m.number = l.number AND m.what = l.what
              AND m.value = CASE l.what WHEN 'client' THEN :client WHEN 'country' THEN :country
                            ELSE :release END))
"""
# Ranked first and joined afterwards: texts are not carried through the sorting. The plus keeps SQLite from
# running the word search once for every allowed row.
_RANKED = f"""
    WITH best AS MATERIALIZED (
        SELECT rowid AS number, -bm25(words, 3.0, 1.0, 1.0, 4.0) AS score FROM words
        WHERE words MATCH :match AND +rowid IN ({_ALLOWED})
        ORDER BY score DESC, number LIMIT :rows
    )
    SELECT p.id, p.document, p.kind, p.title, p.heading, p.text, b.score
    FROM best b JOIN passage p USING (number) ORDER BY b.score DESC, b.number
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """For whom and when. What is not known (`None`) shuts out everything that is limited to it."""

    on: date
    audience: str = "agent"
    client: str | None = None
    country: str | None = None
    release: str | None = None
    issue_types: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    statuses: tuple[Status, ...] = ("approved",)


@dataclass(frozen=True, slots=True)
class Hit:
    """The best passage of one document. `score` compares hits of one search only; higher is better."""

    passage: str
    document: str
    kind: Kind
    title: str
    heading: str
    text: str
    score: float


class SearchIndex(Protocol):
    """Finds documents for a text."""

    def search(self, text: str, allowed: Filter, *, limit: int = 10) -> list[Hit]:
        """Return at most `limit` (1 to 100) documents that `allowed` lets through, best first."""
        ...


class WordIndex:
    """BM25 over words, in memory. Close it, or use it in a `with` block."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.executescript(_SCHEMA)
        for number, passage in enumerate(passages, 1):
            self._add(number, passage)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def search(self, text: str, allowed: Filter, *, limit: int = 10) -> list[Hit]:
        """Return at most `limit` documents, best first; none for a text without words."""
        words = list(dict.fromkeys(w.casefold() for w in _WORDS.findall(text)))
        words = ([w for w in words if w not in _EMPTY] or words)[:_MOST_WORDS]
        if not words or limit < 1:
            return []
        # Quoted, so that nothing in a ticket is taken for query syntax.
        match = " OR ".join(f'"{w}"' for w in words)
        best: dict[str, Hit] = {}
        # Several passages of one document may lead the ranking; ten times as many rows are enough for that.
        with closing(self._db.execute(_RANKED, _parameters(allowed, match, limit * 10))) as rows:
            for row in rows:
                best.setdefault(row[1], Hit(*row))
        return list(best.values())[:limit]

    def _add(self, number: int, passage: Passage) -> None:
        a = passage.applies
        self._db.execute(
            "INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(number, passage.id, passage.document, passage.kind, a.audience, a.status),
                *(a.first_day.isoformat(), a.last_day.isoformat()),
                *(passage.title, passage.heading, passage.text),
            ),
        )
        limits = {"client": a.clients, "country": a.countries, "release": a.releases}
        self._db.executemany(
            "INSERT OR IGNORE INTO limits VALUES (?, ?, ?)",
            [(number, what, value) for what, values in limits.items() for value in values],
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO topic VALUES (?, ?)", [(number, t) for t in passage.issue_types]
        )
        self._db.execute(
            "INSERT INTO words (rowid, title, heading, text, about) VALUES (?, ?, ?, ?, ?)",
            (number, passage.title, passage.heading, passage.text, passage.about),
        )


def _parameters(allowed: Filter, match: str, rows: int) -> dict[str, str | int | None]:
    return {
        "match": match,
        "rows": rows,
        "on": allowed.on.isoformat(),
        "audience": allowed.audience,
        "client": allowed.client,
        "country": allowed.country,
        "release": allowed.release,
        "issue_types": _json(allowed.issue_types),
        "kinds": _json(allowed.kinds),
        "statuses": _json(allowed.statuses),
    }


def _json(values: Sequence[str]) -> str:
    return json.dumps(list(values))
