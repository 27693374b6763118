"""The tracker as this product uses it: reads that are complete, writes that are explicit.

Lists are paged (`$top` is always sent, at most 100 issues a page) and de-duplicated by database id; texts
that come from people never enter a query. Reads are retried, writes are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from data.clock import Clock, to_millis
from data.mapping import TrackerMapping
from data.stamps import Stamp
from data.ticket import Comment, TicketRecord
from data.youtrack import machine, wire
from data.youtrack.faults import RefusedError, UnavailableError
from data.youtrack.gate import Gate
from data.youtrack.nested import COMMENT_FIELDS, whole
from data.youtrack.query import path_part, query_value
from data.youtrack.transport import Retrying, Transport, guest_refused

PAGE = 100
FEED_PAGE = 500
_COUNT_TRIES = 20


@dataclass(frozen=True, slots=True)
class Account:
    """Who the token belongs to."""

    id: str
    login: str
    guest: bool


class YouTrackClient:
    """A tracker account over REST. Raises `TrackerError` (see `faults`) from every method."""

    def __init__(
        self,
        http: httpx.Client,
        base_url: str,
        token: str,
        clock: Clock,
        *,
        names: TrackerMapping | None = None,
        retrying: Retrying | None = None,
        page: int = PAGE,
        feed_page: int = FEED_PAGE,
        gate: Gate | None = None,
        verify: bool = False,
    ) -> None:
        self._transport = Transport(http, base_url, token, retrying or Retrying(), gate, clock, verify=verify)
        self._clock = clock
        self.names = names or TrackerMapping()
        self.page = page
        self._feed_page = feed_page
        self._schemas: dict[str, dict[str, wire.FieldSchema]] = {}
        self._teams: dict[str, str] = {}
        self._machines: dict[str, frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"YouTrackClient({self._transport.base_url!r})"

    @property
    def skew(self) -> timedelta | None:
        """How far the tracker's clock is ahead of ours, by its last answer; `None` before there was one."""
        return self._transport.skew

    @property
    def build(self) -> str:
        """Which build the tracker says it is; empty before its first answer, or where it does not tell."""
        return self._transport.build

    def me(self) -> Account:
        """Return the token's account."""
        raw = self._transport.get("/users/me", {"fields": "id,login,guest"})
        login, guest = wire.need(raw, "login", str), wire.need(raw, "guest", bool, null=True)
        return Account(wire.need(raw, "id", str), login, bool(guest))

    def check(self) -> Account:
        """Return the token's account; raise `RefusedError` where the tracker takes us for its guest."""
        account = self.me()
        if account.guest or account.login == "guest":
            raise guest_refused()
        return account

    def issues(self, query: str, top: int, skip: int = 0) -> list[TicketRecord]:
        """Return one page of tickets with all their comments, without their field changes."""
        params: dict[str, str | int] = {"query": query, "$top": top, "$skip": skip}
        raw = self._transport.get("/issues", {**params, "fields": wire.ISSUE_FIELDS})
        if not isinstance(raw, list):
            raise UnavailableError("The tracker's list of tickets is no list.", remedy=_NO_YOUTRACK)
        unique = {wire.need(i, "id", str): i for i in raw}
        return [self._record(i) for i in unique.values()]

    def issue(self, issue_id: str) -> TicketRecord:
        """Return one ticket with all its comments. Raises `NotFoundError`."""
        return self._record(
            self._transport.get(f"/issues/{path_part(issue_id)}", {"fields": wire.ISSUE_FIELDS})
        )

    def issue_with_fields(self, issue_id: str) -> tuple[TicketRecord, dict[str, str | None]]:
        """Return one ticket with its comments, and what every custom field holds, by name: one request."""
        raw = self._transport.get(f"/issues/{path_part(issue_id)}", {"fields": wire.ISSUE_FIELDS})
        return self._record(raw), wire.held_values(raw)

    def field_values(self, issue_id: str) -> dict[str, str | None]:
        """Return what every custom field of a ticket holds now, by name."""
        fields = {"fields": "id,customFields($type,id,name,value($type,id,name,login))"}
        return wire.held_values(self._transport.get(f"/issues/{path_part(issue_id)}", fields))

    def edit_comment(self, issue_id: str, comment_id: str, text: str) -> None:
        """Replace a comment's text; the same text again changes nothing. Its visibility stays."""
        path = f"/issues/{path_part(issue_id)}/comments/{path_part(comment_id)}"
        self._transport.post(path, {"fields": "id"}, {"text": text})

    def comments(self, issue_id: str) -> tuple[Comment, ...]:
        """Return every comment of a ticket, oldest first."""
        path = f"/issues/{path_part(issue_id)}/comments"
        return wire.parse_comments(self._all(path, {"fields": COMMENT_FIELDS}))

    def activities_page(
        self,
        project: str,
        *,
        categories: Sequence[str] = wire.ALL_CATEGORIES,
        start: datetime | None = None,
        cursor: str | None = None,
    ) -> wire.ActivityPage:
        """Return one page of the project's change feed, oldest first, from `start` or after `cursor`."""
        params: dict[str, str | int] = {
            "categories": ",".join(categories),
            "issueQuery": f"project: {query_value(project)}",
            "reverse": "false",
            "$top": self._feed_page,
            "fields": wire.ACTIVITY_FIELDS,
        }
        if start is not None:
            params["start"] = to_millis(start)
        if cursor is not None:
            params["cursor"] = cursor
        return wire.parse_activities(self._transport.get("/activitiesPage", params))

    def stamps(self, query: str, since: datetime | None) -> Iterator[Stamp]:
        """Yield when each ticket was created, changed and resolved, of those created from `since` on."""
        if since is not None:
            # A day earlier: the search language reads days in the account's time zone.
            query = f"{query} created: {(since - timedelta(days=1)).date().isoformat()} .. *"
        params = {"query": f"{query} sort by: {{issue id}} asc", "fields": wire.STAMP_FIELDS}
        for raw in self._all("/issues", params, top=self._feed_page):
            stamp = wire.parse_stamp(raw)
            if since is None or stamp.created >= since:
                yield stamp

    def history(
        self, issue_id: str, *, categories: Sequence[str] = wire.ALL_CATEGORIES, start: datetime | None = None
    ) -> list[wire.Activity]:
        """Return one ticket's own feed (from `start` on), oldest first. Raises `NotFoundError`."""
        params: dict[str, str | int] = {
            "categories": ",".join(categories),
            "reverse": "false",
            "$top": self._feed_page,
            "fields": wire.ACTIVITY_FIELDS,
            **({} if start is None else {"start": to_millis(start)}),
        }
        found: dict[str, wire.Activity] = {}
        while True:
            raw = self._transport.get(f"/issues/{path_part(issue_id)}/activitiesPage", params)
            page = wire.parse_activities(raw)
            found |= {a.id: a for a in page.items}
            if not page.more or page.cursor in (None, params.get("cursor")):
                return list(found.values())
            params["cursor"] = str(page.cursor)

    def count(self, query: str) -> int | None:
        """Return how many tickets match, or `None` where the tracker does not finish counting."""
        for _ in range(_COUNT_TRIES):
            raw = self._transport.ask("/issuesGetter/count", {"fields": "count"}, {"query": query})
            found = int(wire.need(raw, "count", int))
            if found >= 0:
                return found
            self._clock.sleep(0.25)  # -1: still counting
        return None

    def fields_of(self, project: str, *, fresh: bool = False) -> dict[str, wire.FieldSchema]:
        """Return the project's custom fields by name; read once, and again with `fresh`."""
        if fresh or project not in self._schemas:
            path = f"/admin/projects/{path_part(project)}/customFields"
            fields = "id,field(id,name,fieldType(id)),bundle(id,values(id,name,archived))"
            self._schemas[project] = wire.parse_schema(self._all(path, {"fields": fields}))
        return self._schemas[project]

    def listing(self, path: str, fields: str) -> Iterator[Any]:
        """Yield every entity of a collection as the tracker gives it; `path` is below `/api`."""
        return self._all(path, {"fields": fields})

    def create(self, path: str, body: Mapping[str, Any]) -> str:
        """Make an entity of the settings below `/api`; return its id. Never retried."""
        return str(wire.need(self._transport.post(path, {"fields": "id"}, dict(body)), "id", str))

    def read(self, path: str, params: Mapping[str, str | int]) -> Any:
        """Return what the tracker answers to a question below `/api`, as it is."""
        return self._transport.get(path, params)

    @staticmethod
    def project_query(project: str) -> str:
        """Return the query for every ticket of a project."""
        return f"project: {query_value(project)}"

    @staticmethod
    def project_path(project: str, part: str) -> str:
        """Return the path of a part of a project's settings."""
        return f"/admin/projects/{path_part(project)}/{part}"

    def team_group(self, project: str) -> str:
        """Return the id of the project's team group; read once."""
        if project not in self._teams:
            path = f"/admin/projects/{path_part(project)}/team"
            raw = self._transport.get(path, {"fields": "id,name"})
            self._teams[project] = wire.need(raw, "id", str)
        return self._teams[project]

    def update_fields(
        self, issue_id: str, values: Mapping[str, str | None], *, project: str | None = None
    ) -> dict[str, str | None]:
        """Set custom fields by name to absolute values (`None` clears); return what they are now.

        The answer is from after the workflow rules; a field that it leaves out is left out here. Setting
        the same again changes nothing. `project` (short name) saves a request. Raises `RefusedError` for
        a field or value that the project does not have.
        """
        project = project or self._project_of(issue_id)
        entries = self._written(project, values)  # checks all of them before anything is written
        run = self._machines_of(project, issue_id)
        plain = [e for e in entries if e["name"] not in run]
        now: dict[str, str | None] = {}
        if plain:
            fields = {"fields": "id,customFields($type,id,name,value($type,id,name,login))"}
            path = f"/issues/{path_part(issue_id)}"
            now |= wire.held_values(self._transport.post(path, fields, {"customFields": plain}))
        for name in run & set(values):
            now[name] = self._fire(issue_id, name, values[name])
        return {n: now[n] for n in values if n in now}

    def _machines_of(self, project: str, issue_id: str) -> frozenset[str]:
        if project not in self._machines:  # no ticket of it was read yet
            fields = {"fields": "id,customFields($type,id,name)"}
            raw = self._transport.get(f"/issues/{path_part(issue_id)}", fields)
            self._machines[project] = machine.machines(wire.need(raw, "customFields", list))
        return self._machines[project]

    def _fire(self, issue_id: str, name: str, wanted: str | None) -> str | None:
        path = f"/issues/{path_part(issue_id)}/customFields"
        raw = list(self._all(path, {"fields": machine.MACHINE_FIELDS}))
        step = machine.step(raw, name, wanted, self.names.state_events)
        if step is not None:
            self._transport.post(f"{path}/{path_part(step[0])}", {"fields": "id"}, step[1])
        return self.field_values(issue_id).get(name)

    def add_internal_comment(self, issue_id: str, text: str, *, project: str | None = None) -> str:
        """Add a comment that only the project's team can read; return its id.

        The visibility is sent explicitly and checked in the answer. A comment that came out public is
        deleted at once and `RefusedError` raised.
        """
        group = self.team_group(project or self._project_of(issue_id))
        visibility = {
            "$type": "LimitedVisibility",
            "permittedGroups": [{"id": group}],
            "permittedUsers": [],
        }
        path = f"/issues/{path_part(issue_id)}/comments"
        fields = {"fields": "id,visibility($type,permittedGroups(id))"}
        raw = self._transport.post(path, fields, {"text": text, "visibility": visibility})
        comment_id = str(wire.need(raw, "id", str))
        shown = raw.get("visibility") or {}
        groups = {g.get("id") for g in shown.get("permittedGroups") or []}
        if wire.short_type(shown) == "LimitedVisibility" and groups == {group}:
            return comment_id
        self._transport.delete(f"{path}/{path_part(comment_id)}")
        raise RefusedError(
            "The tracker did not keep our internal comment internal; it was deleted again.",
            remedy="Check workflow rules on comments, and that the service account is in the project team.",
        )

    def find_comment(self, issue_id: str, marker: str, *, author: str) -> str | None:
        """Return the id of `author`'s comment that contains `marker`, or `None`: a look before a retry."""
        for comment in self.comments(issue_id):
            if comment.author == author and marker in comment.text and not comment.deleted:
                return comment.id
        return None

    def _written(self, project: str, values: Mapping[str, str | None]) -> list[dict[str, Any]]:
        schema = self.fields_of(project)
        if not _fits(schema, values):
            schema = self.fields_of(project, fresh=True)  # a value may have been added meanwhile
        for name, value in values.items():
            known = schema.get(name)
            if known is None:
                raise RefusedError(f"The project {project} has no field {name!r}.", remedy=_FIELDS)
            if value is not None and known.values is not None and value not in known.values:
                raise RefusedError(f"The field {name!r} has no value {value!r}.", remedy=_FIELDS)
        return [wire.field_value(schema[name], value) for name, value in values.items()]

    def _project_of(self, issue_id: str) -> str:
        raw = self._transport.get(f"/issues/{path_part(issue_id)}", {"fields": "id,project(id,shortName)"})
        return str(wire.need(wire.need(raw, "project", dict), "shortName", str))

    def _record(self, raw: Any) -> TicketRecord:
        found = machine.machines(wire.need(raw, "customFields", list))
        project = wire.need(wire.need(raw, "project", dict), "shortName", str)
        self._machines[project] = self._machines.get(project, frozenset()) | found
        return wire.parse_issue(whole(raw, self.listing), self.names)

    def _all(self, path: str, params: Mapping[str, str], *, top: int | None = None) -> Iterator[Any]:
        seen: set[str] = set()
        skip, top = 0, top or self.page
        while True:
            page = self._transport.get(path, {**params, "$top": top, "$skip": skip})
            if not isinstance(page, list):
                raise UnavailableError("The tracker's answer is no list.", remedy=_NO_YOUTRACK)
            for item in page:
                entity = wire.need(item, "id", str)
                if entity not in seen:
                    seen.add(entity)
                    yield item
            if len(page) < top:
                return
            skip += len(page)


_FIELDS = "Create it in the project's settings, or correct the taxonomy or the field names."
_NO_YOUTRACK = "Check that FIRSTLINE_TRACKER_URL is the service URL of a YouTrack."


def _fits(schema: Mapping[str, wire.FieldSchema], values: Mapping[str, str | None]) -> bool:
    return all(
        n in schema and (v is None or (allowed := schema[n].values) is None or v in allowed)
        for n, v in values.items()
    )
