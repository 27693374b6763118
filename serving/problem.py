"""Errors over HTTP as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from data.errors import FirstlineError

MEDIA_TYPE = "application/problem+json"


def body(status: int, detail: str, *, title: str | None = None, remedy: str | None = None) -> dict[str, Any]:
    """Return the members of a problem document; `remedy` says what to do."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    found = {"type": "about:blank", "title": title or phrase, "status": status, "detail": detail}
    return found if remedy is None else {**found, "remedy": remedy}


def response(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    remedy: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return a problem document as a response."""
    content = body(status, detail, title=title, remedy=remedy)
    return JSONResponse(content, status, headers=headers, media_type=MEDIA_TYPE)


def of(error: FirstlineError, status: int) -> JSONResponse:
    """Render an expected failure."""
    return response(status, error.message, title=error.title, remedy=error.remedy)
