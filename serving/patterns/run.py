"""Running patterns on one ticket: reads, then one question, or effects and a reply; or a person.

Nothing is written before everything is looked up. `execute=False` writes nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

from data.client_system import ClientSystem
from data.client_system_calls import ClientSystemError, RefusedError
from data.clock import Clock
from data.store import audit, pattern_steps, switches
from data.store.database import TenantStore
from data.store.pattern_steps import Step
from data.taxonomy import Taxonomy
from kb.actions import Alone
from kb.article import Article
from kb.pattern import Pattern
from serving.patterns.case import Case, Look, NoRecord
from serving.patterns.desk import Desk
from serving.patterns.effect import Effects, NotDoneError
from serving.patterns.planner import Act, Ask, Draft, HandOver, Planned, Wait, plan

End = Literal["would act", "would ask", "asked", "waits", "draft", "acted", "handed over"]
RUN, PLANNED, CONFIRMED, DONE, HANDED_OVER = "run", "planned", "confirmed", "done", "handed over"
ABANDONED = timedelta(minutes=10)
"""A run that nobody has ended after so long is taken on by the next one."""
_MOST_LOOKS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `looked`: the look-ups that were made; `did`: effects in words, in order; `message`
    what was said, or would be. `again`: the client system did not answer, later reads may succeed.
    """

    end: End
    why: str
    planned: Planned | None = None
    looked: tuple[str, ...] = ()
    did: tuple[str, ...] = ()
    message: str = ""
    pattern: str = ""
    again: bool = False


@dataclass
class Runner:
    """Runs patterns for the tickets of one client in one project."""

    patterns: Sequence[Pattern]
    articles: Sequence[Article]
    taxonomy: Taxonomy
    system: ClientSystem
    store: TenantStore
    desk: Desk
    clock: Clock
    project: str
    actor: str = "cli"
    _looked: list[str] = field(default_factory=list)

    def run(self, case: Case, *, execute: bool) -> Outcome:
        """Take the ticket as far as it goes. Raises `TrackerError` and `StorageError`: run it again then."""
        with self.store.read() as conn:
            steps = pattern_steps.of_ticket(conn, case.tenant, case.ticket_id)
        self._looked = []
        before = next((s for s in steps if s.step == RUN), None)
        if before is not None:
            return self._known(case, before, execute)
        planned, trouble = self._explored(case)
        if planned is None:
            assert trouble is not None
            why = f"{trouble.message} Nothing was done."
            return Outcome("handed over", why, looked=tuple(self._looked), again=True)
        step = planned.next
        if isinstance(step, Act):
            return self._act(case, planned, step, execute)
        if isinstance(step, Ask):
            return self._ask(case, planned, step, execute)
        if isinstance(step, Wait):
            if execute and not self._paused():  # it may have been lost on its way
                self.desk.say(case.ticket_id, next(str(s.facts["message"]) for s in steps[::-1] if _asks(s)))
            return self._outcome("waits", f"asked for {', '.join(step.facts)}; no answer yet", planned)
        if isinstance(step, Draft):
            return self._outcome("draft", step.why, planned, step.reply.whole, step.pattern)
        assert isinstance(step, HandOver)
        return self._outcome("handed over", step.why, planned, pattern=step.pattern)

    def _explored(self, case: Case) -> tuple[Planned | None, ClientSystemError | None]:
        """Look up whatever the planner wants next until it wants nothing more."""
        seen: dict[Look, Any] = {}
        for _ in range(_MOST_LOOKS):
            planned = plan(case, self.patterns, self.articles, seen, self.taxonomy)
            look = planned.next
            if not isinstance(look, Look):
                return planned, None
            self._looked.append(look.read.replace("_", " "))
            try:
                seen[look] = getattr(self.system, look.read)(**dict(look.arguments))
            except RefusedError:
                seen[look] = NoRecord()
            except ClientSystemError as error:
                return None, error
        raise AssertionError("unreachable: every look-up is made once")

    def _ask(self, case: Case, planned: Planned, ask: Ask, execute: bool) -> Outcome:
        text, wanted = ask.message.whole, ", ".join(ask.facts)
        if not ask.alone:
            return self._outcome("draft", f"{wanted} must be asked for", planned, text, ask.pattern)
        if not execute:
            return self._outcome("would ask", f"{wanted} missing", planned, text, ask.pattern)
        if self._paused():
            return self._outcome("handed over", "automation is paused", planned, pattern=ask.pattern)
        # Kept before it is said: whoever comes next waits for the answer and does not ask as well.
        facts = {"facts": list(ask.facts), "message": text}
        self._begin(case, ask.pattern, f"ask:{'+'.join(ask.facts)}", "asked", facts, "pattern.asked")
        self.desk.say(case.ticket_id, text)
        return self._outcome("asked", f"{wanted} missing", planned, text, ask.pattern)

    def _act(self, case: Case, planned: Planned, act: Act, execute: bool) -> Outcome:
        if not execute:
            would = tuple(f"{w.name.replace('_', ' ')}: would be done" for w in act.plan.writes)
            if act.closes:
                would = (*would, "resolve: would be done")
            return self._outcome(
                "would act", "every check holds", planned, act.reply.whole, act.pattern, would
            )
        if self._paused():
            return self._outcome("handed over", "automation is paused", planned, pattern=act.pattern)
        facts = {
            "message": act.reply.whole,
            "version": act.pattern.record.version,
            "closes": act.closes,
        }
        run = self._begin(case, act.pattern, RUN, PLANNED, facts, "pattern.begun")
        if run is None:
            return self._outcome("waits", "another run of this ticket is under way", planned)
        return self._finish(case, act.pattern, act.plan, run, planned)

    def _known(self, case: Case, run: Step, execute: bool) -> Outcome:
        """Go on with, or tell the end of, what an earlier run began."""
        did, message = tuple(run.facts.get("did", ())), str(run.facts.get("message", ""))
        if run.state == DONE:
            return Outcome("acted", "done before; nothing is done twice", None, (), did, message, run.pattern)
        if run.state == HANDED_OVER:
            if execute and not self._paused():  # the note may have been lost
                self.desk.note(case.ticket_id, str(run.facts["note"]))
            return Outcome("handed over", str(run.facts["why"]), None, (), did, "", run.pattern)
        if not execute:
            return Outcome("would act", "an earlier run goes on", None, (), did, message, run.pattern)
        return self._go_on(case, run)

    def _go_on(self, case: Case, run: Step) -> Outcome:
        """Take on a run that nobody ended."""
        now, busy = self.clock.now(), "another run of this ticket is under way"
        if self._paused():
            return Outcome("waits", "automation is paused", pattern=run.pattern)
        if now - run.at < ABANDONED:
            return Outcome("waits", busy, pattern=run.pattern)
        with self.store.write() as conn:
            if not pattern_steps.take_over(conn, run, now):
                return Outcome("waits", busy, pattern=run.pattern)
        if run.state == CONFIRMED:
            return self._answer(case, run, None)
        pattern = next((p for p in self.patterns if p.id == run.pattern), None)
        if pattern is None or not isinstance(pattern.plan, Alone) or pattern.mode != "auto":
            return self._hand_over(case, run, "the pattern is not in use now", self._steps_done(case, run))
        if pattern.record.version != run.facts["version"]:
            return self._hand_over(case, run, "the pattern has changed since", self._steps_done(case, run))
        return self._finish(case, pattern, pattern.plan, run, None)

    def _finish(
        self, case: Case, pattern: Pattern, alone: Alone, run: Step, planned: Planned | None
    ) -> Outcome:
        effects = Effects(self.system, self.store, self.clock, case, pattern, alone, self._paused)
        try:
            effects.have()
        except NotDoneError as error:
            effects.take_back()
            return self._hand_over(case, run, error.why, tuple(effects.did), planned)
        # From here on nothing is taken back any more: the reply, which may be out, must stay true.
        confirmed = self._moved(run, CONFIRMED, {"did": effects.did})
        return self._answer(case, confirmed, planned)

    def _answer(self, case: Case, run: Step, planned: Planned | None) -> Outcome:
        """Send the reply and close, after everything was had and confirmed."""
        message, did, looked = str(run.facts["message"]), tuple(run.facts["did"]), tuple(self._looked)
        if self._paused():
            why = "automation is paused; the reply is still to be sent"
            return Outcome("waits", why, planned, looked, did, message, run.pattern)
        self.desk.say(case.ticket_id, message)
        if run.facts["closes"]:
            self.desk.close(case.ticket_id)
            did = (*did, "resolve: done")
        self._moved(run, DONE, {"did": list(did)}, "pattern.done")
        return Outcome("acted", "every check held", planned, looked, did, message, run.pattern)

    def _hand_over(
        self, case: Case, run: Step, why: str, did: tuple[str, ...], planned: Planned | None = None
    ) -> Outcome:
        """End the run for good, then tell the team exactly what was done."""
        note = "\n".join(
            [
                f"Firstline began `{run.pattern}` on this ticket and stopped: {why}",
                "",
                *([f"- {line}" for line in did] or ["- nothing was done"]),
                "",
                "Nothing was said to the requester. Please take over.",
            ]
        )
        facts = {"did": list(did), "why": why, "note": note}
        self._moved(run, HANDED_OVER, facts, "pattern.handed_over")
        if not self._paused():
            self.desk.note(case.ticket_id, note)
        return Outcome("handed over", why, planned, tuple(self._looked), did, "", run.pattern)

    def _steps_done(self, case: Case, run: Step) -> tuple[str, ...]:
        with self.store.read() as conn:
            steps = pattern_steps.of_ticket(conn, case.tenant, case.ticket_id)
        mine = [s for s in steps if s.pattern == run.pattern and s.step != RUN and not _asks(s)]
        return tuple(f"step {s.step}: {s.state}" for s in mine)

    def _begin(
        self, case: Case, pattern: Pattern, name: str, state: str, facts: dict[str, Any], action: str
    ) -> Step | None:
        step = Step(case.tenant, case.ticket_id, pattern.id, name, state, facts, self.clock.now())
        with self.store.write() as conn:
            if not pattern_steps.begin(conn, step):
                return None
            self._audit(conn, step, action)
        return step

    def _moved(self, run: Step, state: str, facts: dict[str, Any], action: str = "") -> Step:
        with self.store.write() as conn:
            if pattern_steps.move(conn, run, state, facts) and action:
                self._audit(conn, run, action)
        return replace(run, state=state, facts={**run.facts, **facts})

    def _audit(self, conn: Any, step: Step, action: str) -> None:
        audit.record(
            conn,
            actor=self.actor,
            action=action,
            subject=step.ticket_id,
            at=self.clock.now(),
            tenant=step.tenant,
            facts={"pattern": step.pattern, "step": step.step},
        )

    def _paused(self) -> bool:
        with self.store.read() as conn:
            return switches.paused(conn, self.project)

    def _outcome(
        self,
        end: End,
        why: str,
        planned: Planned,
        message: str = "",
        pattern: Pattern | None = None,
        did: tuple[str, ...] = (),
    ) -> Outcome:
        name = pattern.id if pattern is not None else ""
        return Outcome(end, why, planned, tuple(self._looked), did, message, name)


def _asks(step: Step) -> bool:
    return step.step.startswith("ask:")
