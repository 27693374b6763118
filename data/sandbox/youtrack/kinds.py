"""The kinds of custom fields: which `$type` goes with which field type."""

from __future__ import annotations

from dataclasses import dataclass

ELEMENT_TYPES = {
    "enum": "EnumBundleElement",
    "state": "StateBundleElement",
    "version": "VersionBundleElement",
    "build": "BuildBundleElement",
    "ownedField": "OwnedBundleElement",
}
BUNDLE_TYPES = {
    "enum": "EnumBundle",
    "state": "StateBundle",
    "version": "VersionBundle",
    "build": "BuildBundle",
    "ownedField": "OwnedBundle",
    "user": "UserBundle",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One field type. `family`: what a value is; `many`: a list of them."""

    id: str
    family: str
    many: bool
    issue_type: str
    project_type: str

    @property
    def bundled(self) -> bool:
        """Whether its values are elements of a bundle."""
        return self.family in ELEMENT_TYPES

    @property
    def entity(self) -> bool:
        """Whether its values are entities, which the feed shows in lists."""
        return self.bundled or self.family in ("user", "group")


def _pair(family: str, stem: str, project_type: str) -> list[Kind]:
    return [
        Kind(f"{family}[1]", family, False, f"Single{stem}IssueCustomField", project_type),
        Kind(f"{family}[*]", family, True, f"Multi{stem}IssueCustomField", project_type),
    ]


_SIMPLE = "SimpleProjectCustomField"
KINDS: dict[str, Kind] = {
    kind.id: kind
    for kind in (
        *_pair("enum", "Enum", "EnumProjectCustomField"),
        Kind("state[1]", "state", False, "StateIssueCustomField", "StateProjectCustomField"),
        *_pair("user", "User", "UserProjectCustomField"),
        *_pair("group", "Group", "GroupProjectCustomField"),
        *_pair("version", "Version", "VersionProjectCustomField"),
        *_pair("build", "Build", "BuildProjectCustomField"),
        *_pair("ownedField", "Owned", "OwnedProjectCustomField"),
        Kind("period", "period", False, "PeriodIssueCustomField", "PeriodProjectCustomField"),
        Kind("string", "string", False, "SimpleIssueCustomField", _SIMPLE),
        Kind("integer", "integer", False, "SimpleIssueCustomField", _SIMPLE),
        Kind("float", "float", False, "SimpleIssueCustomField", _SIMPLE),
        Kind("date", "date", False, "DateIssueCustomField", _SIMPLE),
        Kind("date and time", "moment", False, "SimpleIssueCustomField", _SIMPLE),
        Kind("text", "text", False, "TextIssueCustomField", "TextProjectCustomField"),
        Kind("sla", "sla", False, "SlaIssueCustomField", "SlaProjectCustomField"),
    )
}
STATE_MACHINE = "StateMachineIssueCustomField"
