"""The triage service: BentoML outside, own batching inside.

Run it with `firstline serve`, which checks bundle, policy, database and port first. BentoML has no
scheduler worth trusting with side effects: this process answers and takes events in; the worker acts.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from typing import Any, NoReturn, cast

import bentoml
import numpy as np
import psutil
from sqlalchemy import text
from starlette.responses import JSONResponse

from data.clock import SystemClock
from data.errors import BadInputError, FirstlineError
from data.keyring import Keyring
from data.mapping_file import load_mapping
from data.settings import read_settings
from data.store import open_store
from data.ticket import Ticket
from serving import problem
from serving.access import Access, principal_of
from serving.access import check as check_access
from serving.batcher import GreedyBatcher
from serving.boundary import Boundary
from serving.contract import kept_to, parse_ticket, result
from serving.health import Health
from serving.metrics import Metrics
from serving.orphan import end_with_parent, is_server_worker
from serving.shapes import AnyTicket, TriageOut
from serving.site import application
from serving.wiring import load_triage

_CANARY = Ticket(id="canary", summary="My payslip is missing", description="It is not in the portal.")
_CANARY_SECONDS = 5.0
_ANSWER_SECONDS = 50.0  # below BentoML's own 60 s, so that the caller gets our words


@bentoml.service(
    name="firstline",
    workers=1,
    traffic={"timeout": 60},  # how much at once is bounded by `Boundary`, in our words
    metrics={"enabled": True},
    logging={"access": {"enabled": False}},
)
class FirstlineService:
    """Calibrated triage of support tickets."""

    def __init__(self) -> None:
        end_with_parent(os.environ)
        try:
            self.settings = read_settings()
            check_access(self.settings)
            self.triage_model = load_triage(self.settings)
            self.names = load_mapping(self.settings.home)
            self.store = open_store(self.settings.database_url)
            if self.settings.access == "keys":  # its secrets are made on first use
                self.keyring = Keyring(self.store, self.settings.home, SystemClock())
        except FirstlineError as error:
            _refuse(error)
        self.clock = SystemClock()
        self.counters = Metrics()
        self.counters.bundle.labels(self.triage_model.bundle.id, self.triage_model.policy.version).set(1)
        self.batcher = GreedyBatcher(self.triage_model.decide_all)

    @bentoml.on_startup  # type: ignore[untyped-decorator, unused-ignore]
    async def begin(self) -> None:
        """Warm up, then take what lives for good out of the garbage collector (0.3 s pauses otherwise)."""
        self.batcher.start()
        await self.batcher.decide([_CANARY])
        gc.collect()
        gc.freeze()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator, unused-ignore]
    async def end(self) -> None:
        """Stop the engine thread and close the database."""
        await self.batcher.stop()
        self.store.close()

    @bentoml.api(route="/v1/triage")  # type: ignore[untyped-decorator, unused-ignore]
    async def triage(self, tickets: list[AnyTicket], ctx: bentoml.Context) -> TriageOut:
        """Triage one ticket or a batch; a bad ticket gets an `error` and the rest goes on."""
        started = time.perf_counter()
        tenant = principal_of(ctx.request).tenant
        parsed = [_parsed(value, i, tenant) for i, value in enumerate(tickets, start=1)]
        good = [p for p in parsed if isinstance(p, Ticket)]
        try:
            decisions = iter(await asyncio.wait_for(self.batcher.decide(good), _ANSWER_SECONDS))
        except FirstlineError as error:
            return cast(TriageOut, problem.of(error, 503))
        except TimeoutError:
            slow = f"The engine did not answer within {_ANSWER_SECONDS:.0f} s."
            return cast(TriageOut, problem.response(503, slow, remedy="Send again; see /readyz."))
        results = [result(next(decisions)) if isinstance(p, Ticket) else p for p in parsed]
        for found in results:
            self.counters.tickets.labels(found.get("decision", "error")).inc()
        self.counters.seconds.observe(time.perf_counter() - started)
        return cast(TriageOut, JSONResponse({"results": results}))

    async def engine_answers(self) -> bool:
        """Tell whether the engine decides on a known ticket, in time."""
        try:
            async with asyncio.timeout(_CANARY_SECONDS):
                decision = (await self.batcher.decide([_CANARY]))[0]
        except (FirstlineError, TimeoutError) as error:
            return _not_ready(error)
        return bool(np.isfinite(decision.probability))

    async def database_answers(self) -> bool:
        """Tell whether the database answers at all, in time."""
        try:
            async with asyncio.timeout(_CANARY_SECONDS):
                await asyncio.to_thread(self._ask_database)
        except (FirstlineError, TimeoutError) as error:
            return _not_ready(error)
        return True

    def _ask_database(self) -> None:
        with self.store.read() as conn:
            conn.execute(text("SELECT count(*) FROM decisions"))


def _not_ready(error: Exception) -> bool:
    print(f"not ready: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    return False


def _refuse(error: FirstlineError) -> NoReturn:
    """End with one message. BentoML's parent would stay, without a worker, for ever: it ends as well."""
    print(f"firstline: {error}", file=sys.stderr, flush=True)
    if is_server_worker():
        psutil.Process(os.getppid()).terminate()
    os._exit(error.exit_code)


def _parsed(value: Any, position: int, tenant: str | None) -> Ticket | dict[str, Any]:
    try:
        return kept_to(parse_ticket(value, str(position)), tenant)
    except BadInputError as error:
        return {"error": error.message, "line": position}


_bento = cast(Any, FirstlineService)  # the decorator returns a BentoML service, not the class
_bento.add_asgi_middleware(Access, service=bentoml.get_current_service)
_bento.add_asgi_middleware(Boundary)
_bento.add_asgi_middleware(Health, service=bentoml.get_current_service)
_bento.mount_asgi_app(application(bentoml.get_current_service), path="/")
