"""What drafts of every kind have in common: only their author sees them, goes on, and publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from data.sandbox.youtrack.call import Call
from data.sandbox.youtrack.drawer import Draft
from data.sandbox.youtrack.errors import entity_not_found
from data.sandbox.youtrack.table import Table


@dataclass(frozen=True, slots=True)
class OwnDrafts:
    """Drafts of one kind under `path`, with ids of the type `entity`.

    `kept` returns those of a tracker by id; `take` adds to a draft what a body has, or refuses it.
    """

    path: str
    entity: str
    kept: Callable[[Call], dict[str, Draft]]
    take: Callable[[Call, Draft, dict[str, Any]], None]

    def table(self) -> Table:
        """Return the routes."""
        return [
            (self.path, {"get": lambda c: c.page(self._mine(c)), "post": self._begin}),
            (
                self.path + "/{draft}",
                {
                    "get": lambda c: self._own(c, c.path("draft")).shown,
                    "post": self._go_on,
                    "delete": self._throw_away,
                },
            ),
        ]

    def published(self, call: Call) -> dict[str, Any]:
        """Return the body of what is made: the request's own, on top of the draft that `draftId` names."""
        wanted = call.request.query_params.get("draftId")
        if not wanted:
            return call.object_body()
        draft = self._own(call, wanted)

        def forget() -> None:
            self.kept(call).pop(wanted, None)

        call.after = forget
        return on_top(draft, call.optional_body())

    def _mine(self, call: Call) -> list[Any]:
        return [d.shown for d in self.kept(call).values() if d.owner is call.caller]

    def _own(self, call: Call, wanted: str) -> Draft:
        draft = self.kept(call).get(wanted)
        if draft is None or draft.owner is not call.caller:
            raise entity_not_found(wanted)
        return draft

    def _begin(self, call: Call) -> Any:
        draft = Draft(call.state.next_id(self.entity), call.caller, {}, call.at, call.at)
        self.take(call, draft, call.optional_body())
        self.kept(call)[draft.id] = draft
        return draft.shown

    def _go_on(self, call: Call) -> Any:
        draft = self._own(call, call.path("draft"))
        self.take(call, draft, call.object_body())
        return draft.shown

    def _throw_away(self, call: Call) -> None:
        self.kept(call).pop(self._own(call, call.path("draft")).id)


def on_top(draft: Draft, more: dict[str, Any]) -> dict[str, Any]:
    """Return the draft's body with what `more` says instead; who a draft is cannot be said."""
    return {**draft.body, **{k: v for k, v in more.items() if k not in ("id", "$type")}}
