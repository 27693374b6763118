"""What a running pattern says and does on the ticket itself. Everything may be asked for twice."""

from __future__ import annotations

from typing import Protocol

from data.errors import SettingsError
from data.youtrack.client import YouTrackClient
from data.youtrack.query import path_part


class Desk(Protocol):
    """The ticket, as far as a pattern may touch it. Raises `TrackerError`."""

    def say(self, ticket_id: str, text: str) -> None:
        """Write to the requester, unless these words of ours are there already."""

    def note(self, ticket_id: str, text: str) -> None:
        """Write to the team alone, unless these words of ours are there already."""

    def close(self, ticket_id: str) -> None:
        """Resolve the ticket."""


class SilentDesk:
    """For dry runs: whoever writes here has made a mistake."""

    def say(self, ticket_id: str, text: str) -> None:
        raise AssertionError(("a dry run says nothing", ticket_id, text))

    def note(self, ticket_id: str, text: str) -> None:
        raise AssertionError(("a dry run notes nothing", ticket_id, text))

    def close(self, ticket_id: str) -> None:
        raise AssertionError(("a dry run closes nothing", ticket_id))


class TrackerDesk:
    """The desk's tracker."""

    def __init__(self, client: YouTrackClient, project: str) -> None:
        self._client, self._project = client, project

    def say(self, ticket_id: str, text: str) -> None:
        if not self._said(ticket_id, text):
            self._client.create(f"/issues/{path_part(ticket_id)}/comments", {"text": text})

    def note(self, ticket_id: str, text: str) -> None:
        if not self._said(ticket_id, text):
            self._client.add_internal_comment(ticket_id, text, project=self._project)

    def close(self, ticket_id: str) -> None:
        names = self._client.names
        if not names.resolved_states:
            raise SettingsError("No state resolves a ticket.", remedy="Name one in mapping.toml.")
        state = min(names.resolved_states - names.duplicate_states or names.resolved_states)
        self._client.update_fields(ticket_id, {names.state: state}, project=self._project)

    def _said(self, ticket_id: str, text: str) -> bool:
        me = self._client.me().login
        words = text.split()
        comments = self._client.comments(ticket_id)
        return any(c.author == me and not c.deleted and c.text.split() == words for c in comments)
