"""`firstline doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import httpx

from data.clock import Clock
from data.errors import FirstlineError
from data.mapping_file import MAPPING_NAME
from data.settings import Settings, unknown_variables
from data.store import alerts, open_store, outbox, switches, workers
from data.store.reach import find_all
from data.store.workers import WorkerProcess
from data.tracker import open_tracker
from data.youtrack.transport import Retrying
from serving import presence
from serving.connect.fit import MOST_SKEW, told_skew
from serving.policy import load_policy
from serving.serve import ROOT, port_holder
from serving.up import starts_mlflow
from serving.wiring import autonomy_of, load_champion

Verdict = Literal["ok", "warn", "fail"]
_LOW_DISK = 2 * 1024**3
_LITTLE_DISK = 10 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing: what was found and, unless it is ok, what to do."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine(settings: Settings, http: httpx.Client, clock: Clock) -> list[Finding]:
    """Run every check; none depends on another, and none raises."""
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("python", _python),
        ("environment", _environment),
        ("packages", _packages),
        ("disk", lambda: _disk(settings)),
        ("ports", lambda: _ports(settings, http)),
        ("database", lambda: _database(settings, clock)),
        ("bundle", lambda: _bundle(settings)),
        ("tracker", lambda: _tracker(settings, http, clock)),
        ("alerts", lambda: _alerts(settings)),
        ("mlflow", lambda: _mlflow(settings, http)),
    ]
    found: list[Finding] = []
    for name, check in checks:
        try:
            found.extend(check())
        except FirstlineError as error:
            found.append(Finding(name, "fail", error.message, error.remedy))
        except OSError as error:
            found.append(Finding(name, "fail", str(error), "Check that the path exists and may be used."))
    return found


def _python() -> Iterable[Finding]:
    version = platform.python_version()
    if version.startswith("3.11."):
        yield Finding("python", "ok", version)
    else:
        yield Finding("python", "fail", version, "Install with Python 3.11 (make setup PYTHON=python3.11).")


def _environment() -> Iterable[Finding]:
    unknown = unknown_variables(os.environ)
    for name in unknown:
        yield Finding("environment", "warn", f"{name} is no setting; it has no effect", "Correct its name.")
    if not unknown:
        yield Finding("environment", "ok", "every FIRSTLINE_ variable is a setting")


def _packages() -> Iterable[Finding]:
    lock = ROOT / "requirements" / "core.lock"
    if not lock.is_file():
        yield Finding("packages", "warn", "no lock file beside the code", "Install from a clone.")
        return
    wrong = [
        f"{name} {found or 'missing'} (locked {wanted})"
        for name, wanted in _locked(lock)
        if (found := _installed(name)) != wanted
    ]
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        yield Finding("packages", "warn", shown, "Run `make setup` to install the locked versions.")
    else:
        yield Finding("packages", "ok", "as locked")


def _locked(lock: Path) -> Iterable[tuple[str, str]]:
    for line in lock.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", line):
            yield match[1], match[2]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


def _disk(settings: Settings) -> Iterable[Finding]:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    text = f"{free / 1024**3:.1f} GiB free under {settings.home}"
    if free < _LOW_DISK:
        yield Finding("disk", "fail", text, "Free at least 2 GiB, or set FIRSTLINE_HOME to a larger disk.")
    elif free < _LITTLE_DISK:
        yield Finding("disk", "warn", text, "Datasets and bundles grow; free 10 GiB.")
    else:
        yield Finding("disk", "ok", text)


def _ports(settings: Settings, http: httpx.Client) -> Iterable[Finding]:
    ours = {
        "service_port": "/livez",
        "sandbox_port": "/sandbox/health",
        "mlflow_port": "/health",
    }
    for setting, path in ours.items():
        port = getattr(settings, setting)
        holder = port_holder(port)
        if holder is None:
            yield Finding(setting, "ok", f"{port} is free")
        elif _answers(http, f"http://{settings.host}:{port}{path}"):
            yield Finding(setting, "ok", f"{port} is ours: {holder}")
        else:
            yield Finding(
                setting,
                "fail",
                f"{port} is in use by {holder}, which is not ours",
                f"Stop it, or set FIRSTLINE_{setting.upper()} to a free port.",
            )


def _database(settings: Settings, clock: Clock) -> Iterable[Finding]:
    with open_store(settings.database_url) as store:
        problems = store.check()
        kind = store.engine.dialect.name
        with store.read() as conn:
            at_work = [w for w in workers.registered(conn) if presence.at_work(w, clock.now())]
            dead = outbox.counts(conn)["dead"]
            stopped = sorted(switches.paused_projects(conn))
        with store.read() as conn:
            reaches = find_all(conn)
    bad = [p for p in problems if not p.startswith("note:")]
    for problem in bad:
        yield Finding("database", "fail", problem, "Restore a backup, or move it away and sync.")
    if not bad:
        yield Finding("database", "ok", f"{kind}, schema up to date")
    for host, reach in reaches.items():
        if reach.state != "closed":
            yield Finding(
                "tracker pause",
                "warn",
                f"{host} failed {reach.failures} times; tried again from {reach.retry_at:%H:%M:%S} UTC on",
                "Check that the tracker runs; nothing is lost meanwhile.",
            )
    yield from _workers(at_work)
    yield from _effects(dead, stopped)
    for note in problems:
        if note.startswith("note:"):
            yield Finding(
                "database",
                "warn",
                note.removeprefix("note:").strip(),
                "Harmless here; use PostgreSQL in production (FIRSTLINE_DATABASE_URL).",
            )


def _alerts(settings: Settings) -> Iterable[Finding]:
    with open_store(settings.database_url) as store, store.read() as conn:
        standing = alerts.find(conn)
    for a in standing:
        since = f"{a.kind} of {a.facts.get('ticket', a.subject)} since {a.opened:%Y-%m-%d %H:%M}"
        usual = "Look at `firstline alerts list`; run `firstline reconcile`."
        yield Finding("alerts", "warn", since, a.facts.get("remedy", a.facts.get("to_do", usual)))
    if not standing:
        yield Finding("alerts", "ok", "none stands")


def _workers(at_work: Sequence[WorkerProcess]) -> Iterable[Finding]:
    if len(at_work) < 2:
        yield Finding(
            "worker", "ok", f"process {at_work[0].pid} is at work" if at_work else "none is at work"
        )
        return
    yield Finding(
        "worker",
        "warn",
        f"{len(at_work)} are at work: processes {', '.join(str(w.pid) for w in at_work)}",
        "Nothing is done twice, but one is enough: stop the others.",
    )


def _effects(dead: int, stopped: Sequence[str]) -> Iterable[Finding]:
    if stopped:
        where = ", ".join(p or "all projects" for p in stopped)
        lift = "`firstline automation status` says why; lift it with `firstline automation resume`."
        yield Finding("automation", "warn", f"paused: {where}", lift)
    else:
        yield Finding("automation", "ok", "not paused")
    if dead:
        again = "Look with `firstline outbox list --state dead`, then `firstline outbox retry ID`."
        yield Finding("deliveries", "warn", f"{dead} given up", again)
    else:
        yield Finding("deliveries", "ok", "none given up")


def _bundle(settings: Settings) -> Iterable[Finding]:
    bundle = load_champion(settings)  # verifies every file, the taxonomy and the task version
    yield Finding("bundle", "ok", f"{bundle.id}: files, taxonomy and task fit")
    autonomy = autonomy_of(bundle, load_policy(settings.policy, bundle.taxonomy))
    certificate = autonomy.category
    alone = sum(c.threshold is not None for c in autonomy.groups.values())
    if autonomy.groups:
        yield Finding(
            "autonomy", "ok", f"written alone in {alone} of {len(autonomy.groups)} groups of their own"
        )
    if certificate.threshold is None:
        yield Finding(
            "autonomy",
            "warn",
            f"nothing is written alone: at least {certificate.missing} more reviewed tickets are needed",
            "Have tickets reviewed (tag qa-reviewed), then sync, build, train and promote again.",
        )
    else:
        yield Finding(
            "autonomy",
            "ok",
            f"written alone from {certificate.threshold:.1%} sure on "
            f"({certificate.errors} of {certificate.n} wrong)",
        )


def _tracker(settings: Settings, http: httpx.Client, clock: Clock) -> Iterable[Finding]:
    once = Retrying(attempts=1, total=5.0)
    client = open_tracker(settings, http, clock, retrying=once)
    account = client.check()
    yield Finding("tracker", "ok", f"{settings.tracker_url} as {account.login}")
    names = client.names
    ahead = 0.0 if client.skew is None else client.skew.total_seconds()
    if abs(ahead) > MOST_SKEW:
        yield Finding(
            "tracker clock",
            "warn",
            f"the tracker's clock is {told_skew(ahead)} ours",
            "Synchronise both machines' clocks (NTP): signed events are refused, polling goes on.",
        )
    if account.login not in names.service_accounts:
        yield Finding(
            "tracker account",
            "warn",
            f"{account.login} counts as a person: what it does would be learnt from",
            f"Add it to desk.service_accounts in {settings.home / MAPPING_NAME}.",
        )
    wanted = [n for ours, n in names.used_fields().items() if ours not in ("country", "language")]
    missing = [n for n in wanted if n not in client.fields_of(settings.project)]
    if missing:
        yield Finding(
            "tracker fields",
            "fail",
            f"project {settings.project} lacks {', '.join(missing)}",
            f"Add them to the project, or correct their names in {settings.home / MAPPING_NAME}.",
        )
    else:
        client.team_group(settings.project)
        yield Finding("tracker fields", "ok", f"project {settings.project} has all {len(wanted)}")


def _mlflow(settings: Settings, http: httpx.Client) -> Iterable[Finding]:
    url = f"http://{settings.host}:{settings.mlflow_port}" if starts_mlflow(settings) else settings.mlflow_uri
    if _answers(http, f"{url}/health"):
        yield Finding("mlflow", "ok", url)
    else:
        yield Finding(
            "mlflow",
            "warn",
            f"{url} does not answer",
            "Serving works without it; `firstline up` starts it to look at training runs.",
        )


def _answers(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
