"""The live weeks: tickets arrive, a part of the webhooks is lost, and everything is triaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from data.clock import Clock
from data.errors import TrackerError
from data.progress import progress
from data.settings import Settings
from data.store import decisions, open_store
from data.store.decisions import StoredDecision
from serving.deliver import MARKER
from serving.demo.report import LiveTicket

ARRIVALS_PER_SECOND = 15.0
_PATIENCE_SECONDS = 90
"""How long nothing may happen before the report is made of what was handled so far."""

_PAGE = 100
_FIELDS = "id,customFields(name,value(name)),comments(text,deleted)"
_FIELD_NAMES = {"Issue type": "issue_type", "Category": "category", "Team": "team", "Priority": "priority"}


class LiveWeeks:
    """Plays the sandbox's live tickets and compares what became of them with the world's truth.

    The truth comes from the sandbox's own control endpoints, which no tracker has: it is used to
    measure, never to decide.
    """

    def __init__(self, settings: Settings, clock: Clock, sandbox_url: str) -> None:
        self._settings, self._clock, self._url = settings, clock, sandbox_url

    def play(self) -> list[LiveTicket]:
        """File all live tickets at a steady pace, wait until they are handled, and read the result.

        Raises `TrackerError` when the sandbox does not answer.
        """
        with httpx.Client(base_url=self._url, timeout=30) as http:
            try:
                self._file_all(http)
                ids = self._arrivals(http)["ids"]
                self._wait_until_handled(http, ids)
                return self._read(http, ids)
            except httpx.HTTPError as error:
                raise TrackerError(
                    f"The sandbox desk at {self._url} stopped answering ({error}).",
                    remedy=f"Read {self._settings.logs / 'sandbox.log'}, then run `make demo` again.",
                ) from None

    def _file_all(self, http: httpx.Client) -> None:
        left = self._arrivals(http)["left"]
        http.post(
            "/sandbox/arrivals", json={"count": left, "per_second": ARRIVALS_PER_SECOND}
        ).raise_for_status()
        for expected in progress(range(1, left + 1), label="live tickets", total=left):
            while (state := self._arrivals(http))["filed"] < expected and state["running"]:
                self._clock.sleep(0.2)

    def _arrivals(self, http: httpx.Client) -> dict[str, Any]:
        answer = http.get("/sandbox/arrivals")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _wait_until_handled(self, http: httpx.Client, ids: Sequence[str]) -> None:
        waiting, last_change = list(ids), self._clock.now()
        while waiting and (self._clock.now() - last_change).total_seconds() < _PATIENCE_SECONDS:
            self._clock.sleep(0.5)
            # Asking for all of them again and again would slow the desk down, so one stands for the rest.
            if not _commented(self._issues(http, waiting[:1])[0]):
                continue
            handled = {issue["id"] for issue in self._issues(http, waiting) if _commented(issue)}
            waiting, last_change = [i for i in waiting if i not in handled], self._clock.now()
            self._clock.sleep(1.5)

    def _issues(self, http: httpx.Client, ids: Sequence[str]) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._settings.tracker_token}"}
        found = []
        for issue_id in ids:
            answer = http.get(f"/api/issues/{issue_id}", params={"fields": _FIELDS}, headers=headers)
            answer.raise_for_status()
            found.append(answer.json())
        return found

    def _read(self, http: httpx.Client, ids: Sequence[str]) -> list[LiveTicket]:
        truth: dict[str, Any] = {}
        for start in range(0, len(ids), _PAGE):
            answer = http.get("/sandbox/truth", params={"ids": ",".join(ids[start : start + _PAGE])})
            answer.raise_for_status()
            truth.update(answer.json())
        store = open_store(self._settings.database_url)
        try:
            with store.read() as conn:
                stored = {d.ticket_id: d for d in decisions.iterate(conn)}
        finally:
            store.close()
        return [
            _live_ticket(issue, truth[issue["id"]], stored.get(issue["id"]))
            for issue in self._issues(http, ids)
        ]


def _commented(issue: dict[str, Any]) -> bool:
    return any(MARKER in (c["text"] or "") and not c["deleted"] for c in issue["comments"])


def _live_ticket(issue: dict[str, Any], truth: dict[str, Any], stored: StoredDecision | None) -> LiveTicket:
    decision = stored.decision if stored else None
    shown = {
        _FIELD_NAMES[f["name"]]: (f["value"] or {}).get("name")
        for f in issue["customFields"]
        if f["name"] in _FIELD_NAMES
    }
    written = frozenset(
        name for name, value in shown.items() if decision and (value or "").lower() == getattr(decision, name)
    )
    return LiveTicket(
        id=issue["id"],
        kind=truth["kind"],
        true_issue_type=truth["issue_type"],
        true_category=truth["category"],
        true_priority=truth["priority"],
        issue_type=decision.issue_type if decision else None,
        category=decision.category if decision else None,
        priority=decision.priority if decision else None,
        probability=decision.probability if decision else 0.0,
        decision=decision.decision if decision else None,
        priority_decision=decision.priority_decision if decision else None,
        written=written,
        commented=_commented(issue),
    )
