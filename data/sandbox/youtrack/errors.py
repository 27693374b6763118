"""Error answers, word for word as the tracker gives them where its words are known."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer that is not 200; `body` becomes the JSON of the response."""

    def __init__(self, status: int, error: str, description: str, **more: Any) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description, **more}


def not_logged_in() -> ApiError:
    """No token, and the guest is banned."""
    return ApiError(401, "Unauthorized", "You are not logged in.")


def bad_token() -> ApiError:
    """A token that nobody has."""
    return ApiError(401, "Unauthorized", "Invalid token")


def forbidden(what: str) -> ApiError:
    """The caller may not do that."""
    return ApiError(403, "Forbidden", what)


def entity_not_found(entity_id: str) -> ApiError:
    """Unknown, deleted or invisible: the answer is the same."""
    return ApiError(404, "Not Found", f"Entity with id {entity_id} not found")


def route_not_found() -> ApiError:
    """No such route under `/api`."""
    return ApiError(404, "Not Found", "HTTP 404 Not Found")


def method_not_allowed() -> ApiError:
    """The route has no such method."""
    return ApiError(405, "Method Not Allowed", "HTTP 405 Method Not Allowed")


def bad_request(description: str) -> ApiError:
    """The request cannot be understood."""
    return ApiError(400, "bad_request", description)


def invalid_query(detail: str) -> ApiError:
    """The search language refuses the query; `detail` says where."""
    return ApiError(
        400,
        "invalid_query",
        "Can't parse search query, please check and update query syntax",
        error_developer_message="Can't parse search query",
        error_field="query",
        error_children=[{"error": detail, "error_description": ""}],
    )


def bad_top() -> ApiError:
    """`$top` or `$skip` is no number."""
    # The real server answers this oddity with a 500.
    return ApiError(500, "server_error", "HTTP 404 Not Found")
