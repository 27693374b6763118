"""What a tracker has: which one it is, who we are there, its projects, and the fields of one of them.

Workflow rules cannot be read over REST, so what they would veto is not known before they do. What can be
known beforehand is: fields that must have a value and are empty on the newest tickets, and fields that a
state machine runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import TrackerError
from data.store.columns import clean
from data.youtrack import wire
from data.youtrack.client import Account, YouTrackClient
from data.youtrack.faults import RefusedError

PROJECT_FIELDS = (
    "id,canBeEmpty,field(id,name,fieldType(id)),defaultValues(id,name),"
    "bundle(id,values(id,name,archived,isResolved))"
)
NEWEST = 20
NEWEST_FIELDS = "id,customFields($type,id,name,value($type,id,name,login),possibleEvents(id,presentation))"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One custom field. `kind` is a field type's id such as `enum[1]`; `values` leaves archived ones out.

    `issue_type` is the `$type` that the newest tickets show for it; empty where none of them has the field.
    `bundle` is the id of its set of values. `lacking` counts those of the newest tickets on which it is
    shown and empty; `events` are what a state machine offered there: (id, what people see).
    """

    name: str
    kind: str
    required: bool
    values: tuple[str, ...]
    archived: tuple[str, ...]
    resolved: tuple[str, ...]
    default: str | None
    issue_type: str
    bundle: str = ""
    lacking: int = 0
    events: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """The tracker itself: `version` and `build` are empty where it does not tell.

    `skew` is how many seconds its clock is ahead of ours, `None` where it does not tell.
    """

    version: str
    build: str
    skew: float | None


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found. `projects` has every short name that the account sees; `team` is empty where hidden.

    `administers`: the account reads the tracker's global settings, which only administrators may; `None`
    where that could not be told. `looked_at` is the number of newest tickets that were looked at,
    `relations` the words of the links that tickets may have.
    """

    account: Account
    projects: tuple[str, ...]
    project: str
    fields: tuple[FieldFacts, ...]
    team: str
    tickets: int | None
    server: Server = Server("", "", None)
    administers: bool | None = None
    looked_at: int = 0
    relations: tuple[str, ...] = ()


def look_around(client: YouTrackClient, project: str) -> Survey:
    """Ask the tracker for all this; writes nothing. Raises `TrackerError`."""
    account = client.check()
    projects = [
        p for p in client.listing("/admin/projects", "id,shortName,archived") if not p.get("archived")
    ]
    names = tuple(clean(str(p.get("shortName", ""))) for p in projects)
    if project not in names:
        raise RefusedError(
            f"{account.login} does not see a project {project!r}; it sees: {', '.join(names) or 'none'}.",
            remedy="Correct FIRSTLINE_PROJECT (or --project), or give the service account access to it.",
        )
    newest = _newest(client, project)
    path = client.project_path(project, "customFields")
    found = tuple(_facts(raw, newest) for raw in client.listing(path, PROJECT_FIELDS))
    try:
        team = client.team_group(project)
    except TrackerError:
        team = ""
    return Survey(
        account=account,
        projects=names,
        project=project,
        fields=found,
        team=team,
        tickets=client.count(client.project_query(project)),
        server=_server(client),
        administers=_administers(client),
        looked_at=len(newest),
        relations=_relations(client),
    )


def _server(client: YouTrackClient) -> Server:
    try:
        told = client.read("/openapi.json", {})
    except RefusedError:
        told = {}
    info = told.get("info") if isinstance(told, dict) else None
    version = clean(str(info.get("version") or "")) if isinstance(info, dict) else ""
    return Server(version, clean(client.build), None if client.skew is None else client.skew.total_seconds())


def _administers(client: YouTrackClient) -> bool | None:
    try:
        client.read("/admin/globalSettings", {"fields": "id"})
    except RefusedError:
        return False
    except TrackerError:
        return None
    return True


def _relations(client: YouTrackClient) -> tuple[str, ...]:
    try:
        types = list(client.listing("/issueLinkTypes", "id,name,sourceToTarget,targetToSource"))
    except RefusedError:
        return ()
    words = [str(t.get(side) or "") for t in types for side in ("sourceToTarget", "targetToSource")]
    return tuple(dict.fromkeys(clean(w) for w in words if w))


def _newest(client: YouTrackClient, project: str) -> list[dict[str, Any]]:
    """Return field name -> field of each of the newest tickets: the project's settings do not tell all."""
    query = f"{client.project_query(project)} sort by: created desc"
    params: dict[str, str | int] = {"query": query, "$top": NEWEST, "fields": NEWEST_FIELDS}
    raw = client.read("/issues", params)
    issues = [i for i in raw if isinstance(i, dict)] if isinstance(raw, list) else []
    return [{str(f.get("name")): f for f in i.get("customFields") or []} for i in issues]


def _facts(raw: Any, newest: Sequence[Mapping[str, Any]]) -> FieldFacts:
    field = wire.need(raw, "field", dict)
    name = clean(wire.need(field, "name", str))
    seen = [fields[name] for fields in newest if name in fields]
    events = {
        str(e["id"]): clean(str(e.get("presentation") or ""))
        for f in seen
        for e in f.get("possibleEvents") or []
        if isinstance(e, dict) and e.get("id")
    }
    bundle = raw.get("bundle")
    values = [v for v in (bundle or {}).get("values") or [] if isinstance(v, dict) and v.get("name")]
    default = next((v.get("name") for v in raw.get("defaultValues") or [] if v.get("name")), None)
    return FieldFacts(
        name=name,
        kind=str((field.get("fieldType") or {}).get("id", "")),
        required=raw.get("canBeEmpty") is False,
        values=tuple(clean(str(v["name"])) for v in values if not v.get("archived")),
        archived=tuple(clean(str(v["name"])) for v in values if v.get("archived")),
        resolved=tuple(clean(str(v["name"])) for v in values if v.get("isResolved")),
        default=None if default is None else clean(str(default)),
        issue_type=next((wire.short_type(f) for f in seen), ""),
        bundle=str((bundle or {}).get("id") or ""),
        lacking=sum(f.get("value") in (None, []) for f in seen),
        events=tuple(events.items()),
    )
