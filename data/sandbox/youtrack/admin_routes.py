"""Routes of the settings of fields and of their values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from data.sandbox.youtrack import bundles, shared_fields
from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.project_admin import project_table
from data.sandbox.youtrack.settings import Unused
from data.sandbox.youtrack.table import Table


def admin_table() -> Table:
    """Return the routes."""
    unused = Unused()

    def with_unused(step: Callable[..., Any], **more: Any) -> Callable[[Call], Any]:
        return partial(step, unused=unused, **more)

    settings = "/admin/customFieldSettings"
    sets, fields = settings + "/bundles/{family}", settings + "/customFields"
    table: Table = [
        *project_table(unused),
        (settings + "/types", {"get": shared_fields.types}),
        (
            fields,
            {
                "get": with_unused(shared_fields.shared_fields),
                "post": with_unused(shared_fields.add_shared_field),
            },
        ),
        (
            fields + "/{shared}",
            {
                "get": with_unused(shared_fields.shared_field),
                "post": with_unused(shared_fields.change_shared_field),
                "delete": with_unused(shared_fields.remove_shared_field),
            },
        ),
        (fields + "/{shared}/instances", {"get": with_unused(shared_fields.instances)}),
        (sets, {"get": with_unused(bundles.bundles), "post": with_unused(bundles.add_bundle)}),
        (
            sets + "/{bundle}",
            {
                "get": with_unused(bundles.bundle),
                "post": with_unused(bundles.change_bundle),
                "delete": with_unused(bundles.remove_bundle),
            },
        ),
        (
            sets + "/{bundle}/values",
            {
                "get": lambda c: c.page(list(bundles.values_of(c, unused).values())),
                "post": with_unused(bundles.add_value),
            },
        ),
        (
            sets + "/{bundle}/values/{value}",
            {
                "get": with_unused(bundles.value),
                "post": with_unused(bundles.change_value),
                "delete": with_unused(bundles.remove_value),
            },
        ),
        (sets + "/{bundle}/aggregatedUsers", {"get": with_unused(bundles.members, part="aggregatedUsers")}),
    ]
    for part in ("individuals", "groups"):
        listed, added = with_unused(bundles.members, part=part), with_unused(bundles.add_member, part=part)
        one, gone = with_unused(bundles.member, part=part), with_unused(bundles.remove_member, part=part)
        table.append((f"{sets}/{{bundle}}/{part}", {"get": listed, "post": added}))
        table.append((f"{sets}/{{bundle}}/{part}/{{member}}", {"get": one, "delete": gone}))
    return table
