"""What a database says of a refused statement does not quote what people wrote."""

from __future__ import annotations

import logging
import traceback

import pytest
from planted import DATABASE_PASSWORD, SENTENCE, WRITTEN
from sqlalchemy import text

from data.errors import StorageError
from data.store import Store


def test_an_error_quotes_no_value(store: Store) -> None:
    """PostgreSQL would show the whole row, SQLAlchemy every value; the watch reads the log as well."""
    statement = text("INSERT INTO inbox (event_key, body, received_at) VALUES (:key, :body, NULL)")
    with pytest.raises(StorageError) as refused, store.write() as conn:
        conn.execute(statement, {"key": "e1", "body": WRITTEN})
    logging.getLogger("here").error("it broke", exc_info=refused.value)
    told = "".join(traceback.format_exception(refused.value))
    assert "received_at" in told, "what is wrong is still said"
    assert SENTENCE not in told and DATABASE_PASSWORD not in told
