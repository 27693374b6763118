"""Every operation that the contract lists is there, and no method beside them."""

from __future__ import annotations

import re

import pytest

from data.sandbox.youtrack.articles.knowledge import Knowledge
from data.sandbox.youtrack.articles.routes import article_table
from data.sandbox.youtrack.routes import api_table, merged
from data.sandbox.youtrack.state import TrackerState, build_project

FAMILIES = ("enum", "state", "version", "build", "ownedField")
BUNDLES = "/admin/customFieldSettings/bundles"
LISTED = """
/issues GET POST
/issues/{} GET POST DELETE
/issues/{}/customFields GET
/issues/{}/customFields/{} GET POST
/issues/{}/fields/{} GET POST
/issues/{}/comments GET POST
/issues/{}/comments/{} GET POST DELETE
/issues/{}/comments/{}/attachments GET POST
/issues/{}/comments/{}/reactions GET POST
/issues/{}/comments/{}/reactions/{} GET DELETE
/issues/{}/attachments GET POST
/issues/{}/attachments/{} GET POST DELETE
/issues/{}/tags GET POST
/issues/{}/tags/{} GET DELETE
/issues/{}/links GET
/issues/{}/links/{}/issues GET POST
/issues/{}/links/{}/issues/{} DELETE
/issues/{}/project GET POST
/issues/{}/sprints GET
/issues/{}/timeTracking GET
/issues/{}/timeTracking/workItems GET POST
/issues/{}/timeTracking/workItems/{} GET POST DELETE
/issues/{}/vcsChanges GET POST
/issues/{}/vcsChanges/{} GET POST DELETE
/issues/{}/activities GET
/issues/{}/activities/{} GET
/issues/{}/activitiesPage GET
/issues/{}/helpdesk POST
/issues/{}/helpdesk/ticketCCUsers GET
/activities GET
/activities/{} GET
/activitiesPage GET
/commands POST
/commands/assist POST
/issuesGetter/count POST
/visibilityGroups POST
/workItems GET
/workItems/{} GET
/users GET POST
/users/me GET
/users/{} GET POST
/users/{}/profiles/{} GET POST
/users/{}/savedQueries GET
/users/me/articleDrafts GET POST
/tags GET POST
/tags/{} GET POST DELETE
/tags/{}/issues GET
/issueLinkTypes GET POST
/issueLinkTypes/{} GET POST DELETE
/savedQueries GET POST
/savedQueries/{} GET POST DELETE
/admin/projects GET POST
/admin/projects/{} GET POST DELETE
/admin/projects/{}/customFields GET POST
/admin/projects/{}/customFields/{} GET POST DELETE
/admin/projects/{}/issues GET POST
/admin/projects/{}/issues/{} GET POST DELETE
/admin/projects/{}/articles GET
/admin/projects/{}/team GET
/admin/projects/{}/team/users GET
/admin/projects/{}/team/ownUsers GET POST
/admin/projects/{}/team/ownUsers/{} DELETE
/admin/projects/{}/team/groups GET POST
/admin/projects/{}/team/groups/{} DELETE
/admin/projects/{}/timeTrackingSettings GET POST
/admin/projects/{}/timeTrackingSettings/workItemTypes GET POST
/admin/projects/{}/timeTrackingSettings/workItemTypes/{} GET POST DELETE
/admin/customFieldSettings/customFields GET POST
/admin/customFieldSettings/customFields/{} GET POST DELETE
/admin/customFieldSettings/types GET
/admin/customFieldSettings/bundles/{} GET POST
/admin/customFieldSettings/bundles/{}/{} GET POST DELETE
/admin/customFieldSettings/bundles/{}/{}/values GET POST
/admin/customFieldSettings/bundles/{}/{}/values/{} GET POST DELETE
/articles GET POST
/articles/{} GET POST DELETE
/articles/{}/attachments GET POST
/articles/{}/childArticles GET POST
/articles/{}/parentArticle GET
/articles/{}/tags GET POST
/articles/{}/comments GET POST
/articles/{}/activitiesPage GET
/agiles GET POST
/agiles/{} GET POST DELETE
/agiles/{}/sprints GET POST
/agiles/{}/sprints/{} GET POST DELETE
/agiles/{}/sprints/{}/issues GET POST
/admin/apps GET
/admin/apps/import POST
/openapi.json GET
"""


@pytest.fixture(scope="module")
def served() -> dict[str, set[str]]:
    state = TrackerState(build_project("PAY", "Payroll", [("State", "state[1]", ["New"], "New")]))
    rows = merged(*api_table(lambda issue, kind: None), *article_table(Knowledge(state)))
    return {re.sub(r"{[^}]*}", "{}", path): {m.upper() for m in methods} for path, methods in rows}


@pytest.mark.parametrize("line", LISTED.strip().splitlines())
def test_a_listed_operation_is_served_with_just_its_methods(served: dict[str, set[str]], line: str) -> None:
    path, *methods = line.split()
    assert served.get(path) == set(methods)
