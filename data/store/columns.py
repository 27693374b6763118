"""Column types that hold the same values on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# PostgreSQL has no NUL in text, and neither database takes a lone surrogate.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Moment(TypeDecorator[datetime]):
    """A timezone-aware moment, kept as epoch microseconds: exact, sortable, the same everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_micros(int(value))


class CleanText(TypeDecorator[str]):
    """Text that both databases take: NUL and lone surrogates become U+FFFD instead of losing the row."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else clean(value)


def to_micros(moment: datetime) -> int:
    """Return epoch microseconds. Raises `ValueError` for a moment without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("moment must be timezone-aware")
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Inverse of `to_micros`."""
    return _EPOCH + timedelta(microseconds=micros)


def clean(text: str) -> str:
    """Replace what no database can hold by U+FFFD."""
    if text.isascii() and "\x00" not in text:  # almost all that is stored, and many times faster
        return text
    return _UNSTORABLE.sub("\ufffd", text)
