"""The contract of the client system, on the sandbox in process and over HTTP; and what HTTP adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import httpx
import pytest

from data import client_system as s
from data.client_system_calls import (
    ClientSystemError,
    RefusedError,
    UnavailableError,
    UncertainError,
    arguments,
    read_types,
    write_names,
)
from data.client_system_http import HttpClientSystem
from data.client_system_wire import from_json, to_json
from data.errors import SettingsError
from data.sandbox.payroll.effects import EFFECTS, TAKES_BACK
from data.sandbox.payroll.system import SandboxClient

TOKEN = "sandbox-client-system-token"
VALUES = {"month": "2026-10", "year": "2026", "ticket": "PAY-1", "country": "", "client": "", "person": ""}
READY: dict[str, dict[str, Any]] = {
    "publish_payslip": {"status": "generated", "hold": False},
    "regenerate_payslip": {"status": "published", "file": "damaged"},
    "send_reset_link": {"sign_in": "password", "status": "active"},
    "unlock_account": {"status": "locked"},
    "resend_invitation": {"status": "expired"},
    "pass_leave_request_on": {"state": "pending", "approver": "gone"},
    "hide_leave_draft": {"ghost_draft": True},
    "reverse_leave_orphan": {"orphans": "one", "adds_up": False},
    "reset_device": {"refresh": "refused"},
    "open_declaration": {"window": "closed"},
    "rebuild_report": {"found": True, "role_allows": True, "file": "orphaned"},
}


def given(name: str, reach: Any) -> dict[str, str]:
    own = {"person": reach.person, "employee": reach.person, "client": reach.tenant, "country": "AE"}
    return {a: own.get(a) or VALUES.get(a) or "words" for a in arguments()[name]}


def country_of(reach: Any) -> str:
    return str(reach.behind._client.country)


@pytest.mark.parametrize("name", sorted(read_types()))
def test_every_look_up_gives_its_record_and_twice_the_same(reach: Any, name: str) -> None:
    wanted = given(name, reach) | ({"country": country_of(reach)} if "country" in arguments()[name] else {})
    first = getattr(reach.system, name)(**wanted)
    assert isinstance(first, read_types()[name])
    assert getattr(reach.system, name)(**wanted) == first
    assert from_json(read_types()[name], to_json(first)) == first


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_an_effect_is_had_once_per_key_and_taken_back(reach: Any, name: str) -> None:
    args, on = given(name, reach), EFFECTS[name].on
    before = replace(reach.behind.read(on, read_types()[on], args), **READY[name])
    reach.behind.put(on, args, before)
    call = getattr(reach.system, name)
    assert call(key=s.Key("k1"), **args) == s.Done(changed=True)
    after = getattr(reach.system, on)(**args)
    assert call(key=s.Key("k1"), **args) == s.Done(changed=True), "the first answer again"
    assert getattr(reach.system, on)(**args) == after
    undo = s.UNDO[name]
    if undo is None:
        return
    take_back = getattr(reach.system, undo)
    assert take_back(key=s.Key("k2"), **args) == s.Done(changed=True)
    assert getattr(reach.system, on)(**args) == before
    assert take_back(key=s.Key("k3"), **args) == s.Done(changed=False), "nothing is left to take back"


def test_every_effect_of_the_interface_is_there_and_every_undo() -> None:
    assert EFFECTS.keys() | TAKES_BACK.keys() == write_names()


def test_a_key_is_good_for_one_operation(reach: Any) -> None:
    args = {"person": reach.person}
    reach.behind.put("account", args, s.Account("password", "locked", "own_devices"))
    reach.system.unlock_account(s.Key("k"), s.Person(reach.person))
    with pytest.raises(RefusedError):
        reach.system.lock_account(s.Key("k"), s.Person(reach.person))
    assert reach.system.account(s.Person(reach.person)).status == "active"


def test_the_system_keeps_its_own_rules(reach: Any) -> None:
    args = {"person": reach.person, "month": "2026-10"}
    held = s.Payslip("generated", True, "current", "sound", False, "published")
    reach.behind.put("payslip", args, held)
    with pytest.raises(RefusedError):
        reach.system.publish_payslip(s.Key("k"), **args)
    assert reach.system.payslip(**args) == held


def test_who_is_not_on_record_is_told_nothing(reach: Any) -> None:
    stranger = s.Person("stranger@elsewhere.example")
    assert reach.system.identity(stranger) == s.Identity(False, "unknown")
    assert not reach.system.authority(stranger, s.Person(reach.person)).may_act
    with pytest.raises(RefusedError) as error:
        reach.system.account(stranger)
    assert "stranger" not in str(error.value)


def test_another_clients_calendar_is_refused(reach: Any, systems: dict[str, SandboxClient]) -> None:
    other = next(t for t in sorted(systems) if t != reach.tenant)
    country = s.Country(country_of(reach))
    with pytest.raises(RefusedError):
        reach.system.pay_calendar(s.Client(other), country, s.Month("2026-10"))


def test_another_clients_people_are_strangers(
    http: httpx.Client, systems: dict[str, SandboxClient], directories: Any
) -> None:
    one, other = sorted(systems)[:2]
    theirs = directories[other].people[0].email
    over = HttpClientSystem(http, "http://testserver", TOKEN, one)
    assert not over.identity(s.Person(theirs)).address_on_record


def test_without_the_token_or_the_client_nothing_is_told(http: httpx.Client) -> None:
    for token, tenant in (("wrong", "acme"), (TOKEN, "nobody")):
        with pytest.raises(UnavailableError, match="token"):
            HttpClientSystem(http, "http://testserver", token, tenant).identity(s.Person("a@b.example"))
    with pytest.raises(SettingsError) as error:
        HttpClientSystem(http, "http://testserver", "two words", "acme")
    assert "two words" not in str(error.value)


Answer = Callable[[httpx.Request], httpx.Response]


def answering(answer: Answer) -> HttpClientSystem:
    return HttpClientSystem(httpx.Client(transport=httpx.MockTransport(answer)), "http://x", TOKEN, "acme")


def raising(error: type[httpx.TransportError]) -> Answer:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error("secret words of the person")

    return answer


@pytest.mark.parametrize(
    ("answer", "of_read", "of_write"),
    [
        (raising(httpx.ConnectError), UnavailableError, UnavailableError),
        (raising(httpx.ReadTimeout), UnavailableError, UncertainError),
        (raising(httpx.RemoteProtocolError), UnavailableError, UncertainError),
        (lambda r: httpx.Response(503), UnavailableError, UnavailableError),
        (lambda r: httpx.Response(429), UnavailableError, UnavailableError),
        (lambda r: httpx.Response(500), UnavailableError, UncertainError),
        (
            lambda r: httpx.Response(302, headers={"Location": "http://evil"}),
            UnavailableError,
            UnavailableError,
        ),
        (lambda r: httpx.Response(400), UnavailableError, UnavailableError),
        (lambda r: httpx.Response(409, json={"title": "secret words"}), RefusedError, RefusedError),
        (lambda r: httpx.Response(200, content=b"<html>"), UnavailableError, UncertainError),
        (lambda r: httpx.Response(200, json=[]), UnavailableError, UncertainError),
        (lambda r: httpx.Response(200, json={"changed": "yes"}), UnavailableError, UncertainError),
        (lambda r: httpx.Response(200, content=b" " * 70_000), UnavailableError, UncertainError),
    ],
)
def test_what_went_wrong_says_whether_something_may_have_happened(
    answer: Answer, of_read: type[ClientSystemError], of_write: type[ClientSystemError]
) -> None:
    system = answering(answer)
    for error, call in (
        (of_read, lambda: system.account(s.Person("jo@acme.example"))),
        (of_write, lambda: system.unlock_account(s.Key("k"), s.Person("jo@acme.example"))),
    ):
        with pytest.raises(ClientSystemError) as found:
            call()
        assert type(found.value) is error and found.value.remedy
        assert not any(w in str(found.value) for w in ("secret", "jo@acme", TOKEN))


def test_values_outside_the_contract_are_refused() -> None:
    good = to_json(s.Account("password", "active", "none"))
    assert from_json(s.Account, good | {"new_entry": 1}) == s.Account("password", "active", "none")
    for name in (f.name for f in fields(s.Account)):
        for bad in ("no such value", True, None, 3):
            with pytest.raises(ValueError, match=name):
                from_json(s.Account, good | {name: bad})
    with pytest.raises(ValueError, match="closes_at"):
        from_json(
            s.PayDates,
            {"closes_on": "2026-01-01", "closes_at": "x" * 201, "pay_date": "2026-01-02", "passed": True},
        )
