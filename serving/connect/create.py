"""Making what a project lacks: fields that we write, and their values. Only when told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.mapping import TrackerMapping
from data.taxonomy import Taxonomy
from data.youtrack.client import YouTrackClient
from data.youtrack.query import path_part
from data.youtrack.survey import Survey
from serving.connect.propose import SINGLE, keys_of

_SETTINGS = "/admin/customFieldSettings"


@dataclass(frozen=True, slots=True)
class Lacking:
    """Values that a field lacks; a field without `bundle` is lacking itself."""

    field: str
    family: str
    bundle: str
    values: tuple[str, ...]


def lacking_in(mapping: TrackerMapping, survey: Survey, taxonomy: Taxonomy) -> list[Lacking]:
    """Return what must be made so that every key can be written. Archived values are not made again. Pure."""
    fields = {f.name: f for f in survey.fields}
    found = []
    for ours, keys in keys_of(taxonomy).items():
        facts = fields.get(mapping.named(ours))
        if facts is not None and facts.kind not in SINGLE:
            continue
        known = set(facts.values) | set(facts.archived) if facts else set()
        values = tuple(w for k in keys if (w := mapping.value_of(ours, k)) not in known)
        family = facts.kind.partition("[")[0] if facts else "enum"
        if values:
            found.append(Lacking(mapping.named(ours), family, facts.bundle if facts else "", values))
    return found


def create(client: YouTrackClient, project: str, lacking: Sequence[Lacking]) -> int:
    """Make all this; return how many things were made. Raises `TrackerError`; a rerun makes what is left."""
    made = 0
    for part in lacking:
        bundle = part.bundle
        if not bundle:
            kind = {"name": part.field, "fieldType": {"id": "enum[1]"}}
            shared = client.create(f"{_SETTINGS}/customFields", kind)
            bundle = client.create(f"{_SETTINGS}/bundles/enum", {"name": f"{project} {part.field}"})
            body = {"$type": "EnumProjectCustomField", "field": {"id": shared}, "bundle": {"id": bundle}}
            client.create(client.project_path(project, "customFields"), body)
            made += 1
        for value in part.values:
            client.create(f"{_SETTINGS}/bundles/{part.family}/{path_part(bundle)}/values", {"name": value})
            made += 1
    return made
