"""What a tracker has: who we are there, its projects, and the fields of one of them."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One custom field. `kind` is a field type's id such as `enum[1]`; `values` leaves archived ones out.

    `issue_type` is the `$type` that the newest ticket shows for it; empty where no ticket has the field.
    `bundle` is the id of its set of values.
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


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found. `projects` has every short name that the account sees; `team` is empty where hidden."""

    account: Account
    projects: tuple[str, ...]
    project: str
    fields: tuple[FieldFacts, ...]
    team: str
    tickets: int | None


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
    shown = client.types_shown(project)
    path = client.project_path(project, "customFields")
    found = tuple(_facts(raw, shown) for raw in client.listing(path, PROJECT_FIELDS))
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
    )


def _facts(raw: Any, shown: dict[str, str]) -> FieldFacts:
    field = wire.need(raw, "field", dict)
    name = clean(wire.need(field, "name", str))
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
        issue_type=shown.get(name, ""),
        bundle=str((bundle or {}).get("id") or ""),
    )
