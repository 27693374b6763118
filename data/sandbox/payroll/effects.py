"""What each effect does to a record, and when the system refuses it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from data.client_system import UNDO


class NotAllowedError(Exception):
    """The system keeps its own rules, whoever asks."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect on the record of the look-up `on`. `become` raises `NotAllowedError`."""

    on: str
    become: Callable[[Any], Any]


def _publish(p: Any) -> Any:
    _needs(p.status != "none", "there is no payslip of that month")
    _needs(not p.hold, "somebody wants the payslip held back")
    return replace(p, status="published", group="published")


def _link(a: Any) -> Any:
    _needs(a.status == "active" and a.sign_in == "password", "the account cannot have a reset link")
    return a


def _unlock(a: Any) -> Any:
    _needs(a.status in ("active", "locked"), "the account is not merely locked")
    return replace(a, status="active", attempts_from="none" if a.status == "locked" else a.attempts_from)


def _invite(i: Any) -> Any:
    _needs(i.status in ("sent", "expired"), "there is no invitation to send again")
    return replace(i, status="sent")


def _pass_on(r: Any) -> Any:
    _needs(r.state == "pending", "no request is pending")
    return replace(r, approver="active") if r.approver in ("gone", "away", "none") else r


def _orphan(a: Any) -> Any:
    _needs(a.orphans != "several", "several deductions belong to no request: a person must choose")
    return replace(a, orphans="none", adds_up=True)


def _rebuild(r: Any) -> Any:
    _needs(r.found and r.role_allows, "the person may not have this report")
    return replace(r, file="sound")


def _needs(holds: bool, why: str) -> None:
    if not holds:
        raise NotAllowedError(why)


EFFECTS: Mapping[str, Effect] = {
    "publish_payslip": Effect("payslip", _publish),
    "regenerate_payslip": Effect("payslip", lambda p: replace(p, file="sound")),
    "send_reset_link": Effect("account", _link),
    "unlock_account": Effect("account", _unlock),
    "resend_invitation": Effect("invitation", _invite),
    "pass_leave_request_on": Effect("leave_request", _pass_on),
    "hide_leave_draft": Effect("leave_request", lambda r: replace(r, ghost_draft=False)),
    "reverse_leave_orphan": Effect("leave_account", _orphan),
    "reset_device": Effect("device", lambda d: replace(d, refresh="works")),
    "open_declaration": Effect("declaration", lambda d: replace(d, window="open")),
    "rebuild_report": Effect("report", _rebuild),
}
MESSAGES = frozenset({"send_reset_link", "resend_invitation"})
"""Effects that send something each time, even where the record stays as it is."""
TAKES_BACK: Mapping[str, str] = {undo: name for name, undo in UNDO.items() if undo is not None}
