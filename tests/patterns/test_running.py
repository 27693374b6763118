"""Running a pattern: reads before writes, dry run, once, taken back, handed over, asked and gone on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data import client_system as s
from data.client_system_calls import ByName, ClientSystemError, RefusedError, UnavailableError, UncertainError
from data.clock import ManualClock
from data.errors import TrackerError
from data.mapping import TrackerMapping
from data.redact.directory import Person
from data.sandbox.payroll.system import SandboxClient
from data.sandbox.people import Directory
from data.store import Store, audit, open_store, pattern_steps, switches, tickets
from data.taxonomy import load_taxonomy
from data.ticket import Comment, Ticket, TicketRecord
from kb.actions import Alone, Write
from kb.library import ROOT, Library
from serving.patterns.case import Case
from serving.patterns.cases import Surroundings, build_case
from serving.patterns.load import load_runnable
from serving.patterns.run import Outcome, Runner

TAXONOMY = load_taxonomy()
TODAY = datetime(2026, 11, 10, 9, tzinfo=UTC)
LOCKED = s.Account("password", "locked", "own_devices")


@pytest.fixture(scope="session")
def library() -> Library:
    return load_runnable(ROOT, TAXONOMY)


@pytest.fixture
def own_store(tmp_path: Path, sqlite_template: Path) -> Iterator[Store]:
    shutil.copyfile(sqlite_template, tmp_path / "firstline.db")
    with open_store(f"sqlite:///{tmp_path / 'firstline.db'}") as opened:
        yield opened


@dataclass
class Ticketing:
    """The ticket's own side, in memory: what was said, noted, closed. `fails`: the next calls that fail;
    `stuck`: it cannot be closed."""

    said: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    closed: int = 0
    fails: int = 0
    stuck: bool = False

    def say(self, ticket_id: str, text: str) -> None:
        self._may_fail()
        if text not in self.said:
            self.said.append(text)

    def note(self, ticket_id: str, text: str) -> None:
        self._may_fail()
        if text not in self.noted:
            self.noted.append(text)

    def close(self, ticket_id: str) -> None:
        if self.stuck:
            raise TrackerError("The tracker is away.", remedy="Later.")
        self._may_fail()
        self.closed += 1

    def _may_fail(self) -> None:
        if self.fails:
            self.fails -= 1
            raise TrackerError("The tracker is away.", remedy="Later.")


@dataclass
class Watched(ByName):
    """A system with what was asked of it.

    `trouble`: call -> errors, raised one after the other (`None`: it works); `late`: they are raised after
    the effect, as when an answer is lost. `then` is called after each effect.
    """

    inner: ByName
    trouble: dict[str, list[ClientSystemError | None]] = field(default_factory=dict)
    late: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)
    then: Callable[[str], None] = lambda name: None

    def read(self, name: str, result: type[Any], arguments: Mapping[str, str]) -> Any:
        self.calls.append((name, ""))
        self._raise(name)
        return self.inner.read(name, result, arguments)

    def write(self, name: str, key: s.Key, arguments: Mapping[str, str]) -> s.Done:
        self.calls.append((name, key))
        if not self.late:
            self._raise(name)
        done = self.inner.write(name, key, arguments)
        self.then(name)
        self._raise(name)
        return done

    def _raise(self, name: str) -> None:
        waiting = self.trouble.get(name, [])
        error = waiting.pop(0) if waiting else None
        if error is not None:
            raise error

    @property
    def effects(self) -> list[str]:
        return [name for name, key in self.calls if key]


@dataclass
class Scene:
    """One ticket of one person of the sandbox, and everything around it."""

    library: Library
    store: Store
    system: Watched
    behind: SandboxClient
    desk: Ticketing
    clock: ManualClock
    record: TicketRecord
    issue_type: str

    def case(self) -> Case:
        with self.store.read() as conn:
            steps = pattern_steps.of_ticket(conn, self.record.tenant, self.record.ticket.id)
        people = [Person(name="Jo Doe", email=self.record.reporter, client=self.record.tenant)]
        names = TrackerMapping(values={"country": {"GB": ("United Kingdom",), "AE": ("Emirates",)}})
        return build_case(self.record, self.issue_type, steps, Surroundings(TODAY.date(), names, people))

    def run(self, execute: bool = True) -> Outcome:
        runner = Runner(
            self.library.patterns,
            self.library.articles,
            TAXONOMY,
            self.system,
            self.store.tenant(self.record.tenant),
            self.desk,
            self.clock,
            "PAY",
        )
        return runner.run(self.case(), execute=execute)

    def account(self) -> s.Account:
        return self.behind.account(s.Person(self.record.reporter))

    def steps(self) -> dict[str, str]:
        with self.store.read() as conn:
            found = pattern_steps.of_ticket(conn, self.record.tenant, self.record.ticket.id)
        return {step.step: step.state for step in found}


@pytest.fixture
def scene(
    library: Library,
    own_store: Store,
    systems: dict[str, SandboxClient],
    directories: Mapping[str, Directory],
) -> Scene:
    tenant = sorted(systems)[0]
    person = next(p.email for p in directories[tenant].people if p.role == "employee")
    record = TicketRecord(
        Ticket("3-1", "Locked out", "I cannot sign in any more.", client=tenant, lang="en"),
        project="PAY",
        readable_id="PAY-1",
        reporter=person,
        created=TODAY - timedelta(hours=1),
        updated=TODAY,
        resolved=None,
        state="Open",
        issue_type=None,
        category=None,
        priority="normal",
        team=None,
    )
    with own_store.write() as conn:
        tickets.upsert(conn, [record], seen_at=TODAY)
    behind = systems[tenant]
    behind.put("account", {"person": person}, LOCKED)
    watched = Watched(behind)
    return Scene(
        library,
        own_store,
        watched,
        behind,
        Ticketing(),
        ManualClock(TODAY),
        record,
        "account_locked_or_inactive",
    )


def away() -> UnavailableError:
    return UnavailableError("The client system cannot be reached.", remedy="Later.")


def lost() -> UncertainError:
    return UncertainError("The answer did not arrive.", remedy="Later.")


def test_it_acts_confirms_answers_and_closes(scene: Scene) -> None:
    outcome = scene.run()
    assert outcome.end == "acted" and outcome.pattern == "account-locked-own-devices"
    assert outcome.did == ("unlock account: done", "resolve: done")
    assert scene.account().status == "active" and scene.desk.closed == 1
    assert scene.desk.said == [outcome.message] and outcome.message.startswith("Hello Jo Doe,")
    names = [name for name, _ in scene.system.calls]
    first = names.index("unlock_account")
    assert set(names[:first]) == {"identity", "account"} and names[first + 1 :] == ["account"]


def test_a_dry_run_shows_the_same_and_writes_nothing(scene: Scene) -> None:
    outcome = scene.run(execute=False)
    assert outcome.end == "would act" and "unlock account: would be done" in outcome.did
    assert outcome.message.startswith("Hello Jo Doe,")
    assert scene.system.effects == [] and scene.account() == LOCKED
    assert scene.steps() == {} and not scene.desk.said and not scene.desk.closed
    with scene.store.read() as conn:
        assert not audit.page(conn, 0, 10)


def test_run_twice_is_one_effect_and_one_reply(scene: Scene) -> None:
    first, second = scene.run(), scene.run()
    assert scene.system.effects == ["unlock_account"]
    assert second.end == "acted" and "twice" in second.why and second.did == first.did
    assert len(scene.desk.said) == 1 and scene.desk.closed == 1


def test_a_reply_that_could_not_be_sent_is_sent_by_the_next_run_without_another_effect(scene: Scene) -> None:
    scene.desk.fails = 1
    with pytest.raises(TrackerError):
        scene.run()
    assert scene.run().end == "waits", "it may still be under way"
    scene.clock.advance(timedelta(minutes=11))
    outcome = scene.run()
    assert outcome.end == "acted" and scene.system.effects == ["unlock_account"]
    assert len(scene.desk.said) == 1 and scene.desk.closed == 1


def test_once_the_reply_is_out_nothing_is_taken_back_any_more(scene: Scene) -> None:
    scene.desk.stuck = True
    with pytest.raises(TrackerError):
        scene.run()
    assert len(scene.desk.said) == 1
    scene.clock.advance(timedelta(minutes=11))
    scene.desk.stuck = False
    scene.system.trouble = {name: [away()] * 9 for name in ("account", "identity", "unlock_account")}
    assert scene.run().end == "acted"
    assert scene.account().status == "active" and len(scene.desk.said) == 1 and scene.desk.closed == 1


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(scene: Scene) -> None:
    scene.system.trouble, scene.system.late = {"unlock_account": [lost()]}, True
    assert scene.run().end == "acted"
    keys = {key for name, key in scene.system.calls if name == "unlock_account"}
    assert len(keys) == 1 and scene.system.effects == ["unlock_account"] * 2


def test_what_is_not_confirmed_is_taken_back_and_handed_over_with_what_was_done(scene: Scene) -> None:
    scene.system.trouble = {"account": [None, away()]}
    outcome = scene.run()
    assert outcome.end == "handed over" and "confirmed" in outcome.why
    assert outcome.did == ("unlock account: done", "unlock account: taken back")
    assert scene.account() == LOCKED
    assert not scene.desk.said and not scene.desk.closed
    assert (
        "unlock account: taken back" in scene.desk.noted[0]
        and scene.record.reporter not in scene.desk.noted[0]
    )
    again = scene.run()
    assert again.end == "handed over" and scene.system.effects == ["unlock_account", "lock_account"]


def test_an_uncertain_effect_is_told_and_nothing_more_is_done(scene: Scene) -> None:
    scene.system.trouble = {"unlock_account": [lost(), lost()]}
    outcome = scene.run()
    assert outcome.end == "handed over" and "MAY HAVE HAPPENED" in outcome.did[0]
    assert not scene.desk.said and scene.steps()["write:0"] == "uncertain"


def test_an_undo_that_fails_is_told(scene: Scene) -> None:
    scene.system.trouble = {"account": [None, away()], "lock_account": [away()]}
    outcome = scene.run()
    assert any("COULD NOT be taken back" in line for line in outcome.did)
    assert "COULD NOT" in scene.desk.noted[0]


def with_writes(scene: Scene, *names: str) -> None:
    """Let the scene's pattern have these effects, in this order."""
    one = next(p for p in scene.library.patterns if p.id == "account-locked-own-devices")
    assert isinstance(one.plan, Alone)
    writes = tuple(Write(n, {"person": "requester"}) for n in names)
    scene.library = replace(scene.library, patterns=(replace(one, plan=replace(one.plan, writes=writes)),))


def test_what_was_so_already_is_not_taken_back(scene: Scene) -> None:
    with_writes(scene, "pass_leave_request_on", "unlock_account", "hide_leave_draft")
    pending = s.LeaveRequest("pending", "active", False)
    scene.behind.put("leave_request", {"person": scene.record.reporter}, pending)
    scene.system.trouble = {"hide_leave_draft": [away()]}
    outcome = scene.run()
    assert outcome.did[0] == "pass leave request on: was so already"
    assert "give_leave_request_back" not in scene.system.effects and scene.account() == LOCKED


def test_paused_between_two_effects_the_second_is_not_had_and_the_first_taken_back(scene: Scene) -> None:
    with_writes(scene, "unlock_account", "reset_device")

    def pause(name: str) -> None:
        if name == "unlock_account":
            with scene.store.write() as conn:
                switches.pause(conn, "PAY", "cli", "a reason", TODAY)

    scene.system.then = pause
    outcome = scene.run()
    assert outcome.end == "handed over" and outcome.why == "automation is paused"
    assert scene.system.effects == ["unlock_account", "lock_account"] and scene.account() == LOCKED
    assert not scene.desk.said and not scene.desk.noted, "nothing is written while it is paused"
    with scene.store.write() as conn:
        switches.resume(conn, "PAY", "cli", "a reason", TODAY)
    assert scene.run().end == "handed over" and len(scene.desk.noted) == 1


def test_paused_before_the_reply_it_is_sent_later_and_nothing_is_taken_back(scene: Scene) -> None:
    def pause(name: str) -> None:
        with scene.store.write() as conn:
            switches.pause(conn, "PAY", "cli", "a reason", TODAY)

    scene.system.then = pause
    assert scene.run().end == "waits" and not scene.desk.said
    scene.clock.advance(timedelta(minutes=11))
    assert scene.run().end == "waits" and not scene.desk.said
    with scene.store.write() as conn:
        switches.resume(conn, "PAY", "cli", "a reason", TODAY)
    assert scene.run().end == "acted" and len(scene.desk.said) == 1
    assert scene.system.effects == ["unlock_account"]


def test_several_effects_are_taken_back_in_reverse_and_what_has_no_undo_is_named(scene: Scene) -> None:
    with_writes(scene, "unlock_account", "reset_device", "send_reset_link", "hide_leave_draft")
    scene.system.trouble = {"hide_leave_draft": [RefusedError("It refuses.", remedy="Look.")]}
    scene.behind.put(
        "device", {"person": scene.record.reporter}, s.Device("current", "refused", False, s.Told("5"))
    )
    outcome = scene.run()
    assert outcome.end == "handed over" and scene.account() == LOCKED
    assert scene.system.effects[-2:] == ["cancel_reset_links", "lock_account"]
    assert outcome.did == (
        "unlock account: done",
        "reset device: done",
        "send reset link: done",
        "hide leave draft: not done",
        "send reset link: taken back",
        "reset device: stays; it takes nothing away that could be lost",
        "unlock account: taken back",
    )


def test_a_crash_while_taking_back_goes_on_taking_back(scene: Scene) -> None:
    scene.system.trouble = {"account": [None, away()], "lock_account": [KeyboardInterrupt()]}  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        scene.run()
    scene.clock.advance(timedelta(minutes=11))
    outcome = scene.run()
    assert outcome.end == "handed over" and scene.account() == LOCKED
    assert outcome.did == ("unlock account: done", "unlock account: taken back")
    assert not scene.desk.said


@pytest.mark.parametrize("name", ["identity", "account"])
def test_a_client_system_that_is_down_means_nothing_done_and_reads_later(scene: Scene, name: str) -> None:
    scene.system.trouble = {name: [away()]}
    outcome = scene.run()
    assert outcome.end == "handed over" and outcome.again and "Nothing was done" in outcome.why
    assert scene.system.effects == [] and scene.steps() == {}
    assert scene.run().end == "acted", "reads are tried again"


def test_down_at_the_effect_it_is_a_persons_and_the_effect_is_not_tried_later(scene: Scene) -> None:
    scene.system.trouble = {"unlock_account": [away()]}
    outcome = scene.run()
    assert outcome.end == "handed over" and outcome.did == ("unlock account: not done",)
    assert scene.run().end == "handed over" and scene.system.effects == ["unlock_account"]
    assert scene.account() == LOCKED


def test_while_automation_is_paused_nothing_is_done(scene: Scene) -> None:
    with scene.store.write() as conn:
        switches.pause(conn, "PAY", "cli", "a reason", TODAY)
    outcome = scene.run()
    assert outcome.end == "handed over" and "paused" in outcome.why
    assert scene.system.effects == [] and scene.steps() == {}


def test_a_missing_fact_leads_to_one_question_and_the_answer_goes_on(scene: Scene) -> None:
    person, tenant = scene.record.reporter, scene.record.tenant
    scene.issue_type = "payslip_missing"
    scene.record = replace(scene.record, ticket=replace(scene.record.ticket, country=None))
    country = scene.behind._client.country
    scene.behind.put("payslip", {"person": person, "month": "2026-10"}, HELD)
    dry = scene.run(execute=False)
    assert dry.end == "would ask" and scene.steps() == {} and not scene.desk.said
    asked = scene.run()
    assert asked.end == "asked" and scene.desk.said == [asked.message]
    assert scene.run().end == "waits" and len(scene.desk.said) == 1
    scene.record = replace(
        scene.record,
        comments=(
            Comment("4-1", "svc-firstline", asked.message, TODAY, False),
            Comment("4-2", "somebody-else", "2025-01", TODAY, False),
            Comment("4-3", person, f"October 2026, {country}", TODAY, False),
        ),
    )
    names = TrackerMapping(values={"country": {country: ("The country",)}})
    with scene.store.read() as conn:
        steps = pattern_steps.of_ticket(conn, tenant, "3-1")
    case = build_case(scene.record, "payslip_missing", steps, Surroundings(TODAY.date(), names))
    assert (case.facts["month"], case.facts["country"], case.waiting) == ("2026-10", country, ())


HELD = s.Payslip("generated", False, "current", "sound", False, "published")


def test_a_question_that_was_lost_is_said_again(scene: Scene) -> None:
    scene.issue_type, scene.desk.fails = "payslip_missing", 1
    with pytest.raises(TrackerError):
        scene.run()
    outcome = scene.run()
    assert outcome.end == "waits" and len(scene.desk.said) == 1


def test_an_answer_that_does_not_say_it_goes_to_a_person_and_is_not_asked_again(scene: Scene) -> None:
    scene.issue_type = "payslip_missing"
    message = scene.run().message
    own = Comment("4-1", "svc-firstline", message, TODAY, False)
    useless = Comment("4-2", scene.record.reporter, "please hurry", TODAY, False)
    scene.record = replace(scene.record, comments=(own, useless))
    outcome = scene.run()
    assert outcome.end == "handed over" and len(scene.desk.said) == 1


def test_a_draft_pattern_never_acts_even_when_executed(scene: Scene) -> None:
    scene.issue_type = "mfa_device_lost"
    outcome = scene.run()
    assert outcome.end == "draft" and outcome.message
    assert scene.system.effects == [] and scene.steps() == {} and not scene.desk.said


def test_what_was_done_is_in_the_audit_log_without_words_of_the_ticket(scene: Scene) -> None:
    scene.run()
    with scene.store.read() as conn:
        told = repr(audit.page(conn, 0, 50))
    assert "pattern.begun" in told and "pattern.done" in told
    assert scene.record.reporter not in told and "Jo Doe" not in told
