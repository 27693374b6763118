"""Routes of the settings of fields and of their values."""

from __future__ import annotations

from data.sandbox.youtrack import admin
from data.sandbox.youtrack.people_routes import project_field, project_fields
from data.sandbox.youtrack.table import Table


def admin_table() -> Table:
    """Return the routes."""
    unused = admin.Unused()
    bundles, settings = "/admin/customFieldSettings/bundles/{family}", "/admin/customFieldSettings"
    in_project = "/admin/projects/{project}/customFields"
    return [
        (in_project, {"get": project_fields, "post": lambda c: admin.attach(c, unused)}),
        (in_project + "/{field}", {"get": project_field, "delete": admin.detach}),
        (settings + "/customFields", {"post": lambda c: admin.add_shared_field(c, unused)}),
        (bundles, {"post": lambda c: admin.add_bundle(c, unused)}),
        (
            bundles + "/{bundle}/values",
            {
                "get": lambda c: c.page(list(admin.values_of(c, unused).values())),
                "post": lambda c: admin.add_value(c, unused),
            },
        ),
        (bundles + "/{bundle}/values/{value}", {"delete": lambda c: admin.remove_value(c, unused)}),
    ]
