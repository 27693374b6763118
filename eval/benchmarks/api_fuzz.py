"""Generated requests against the running service: `python -m eval.benchmarks.api_fuzz`.

Schemathesis reads the service's own OpenAPI document and sends what it allows and what it forbids, with all
of its checks: no 5xx, no status, media type or body that is not documented, what is wrong is refused, what
is right is taken, no way around the key. The service runs as a process with keys, tickets of two clients,
and a key that may see and do everything.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from data import api_key
from data.access import Role
from data.clock import SystemClock
from data.errors import FirstlineError, SettingsError
from data.keyring import pepper_of
from data.settings import Settings
from data.store import Store, api_keys, open_store
from eval.benchmarks.cross_tenant import database
from eval.benchmarks.row import row
from eval.benchmarks.service_process import service
from eval.benchmarks.two_clients import Planted, plant

CASES, SEED, ROUNDS = 10_000, 20_261_125, 6
PHASES = "examples,coverage,fuzzing,stateful"
_PER_CASE = 14
"""Operations that have anything to generate: so many cases come of one more example for each."""
_TRACES = ("Traceback", "unexpected ")
_CONFIG = """
[dictionaries.tickets]
values = {tickets}

[parameters]
ticket = {{ dictionary = "tickets", probability = 0.5 }}

# Bodies over the limit are refused with 413; a 5xx is no refusal.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "415", "422"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "403", "404", "409"]

# What a schema cannot say: a cursor is one of ours, a value is one of the taxonomy's, an actor is a login
# once it is decoded, an id is a ticket's of the tracker, an Idempotency-Key belongs to one order.
[[operations]]
include-operation-id = ["tickets", "edit", "event", "accept", "dismiss", "undo"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "403", "404", "409", "422"]
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where every answer was documented and no 5xx came, 1 where not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--cases", type=int, default=CASES, help=f"default {CASES}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default {SEED}")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args(arguments)
    token = secrets.token_urlsafe(32)
    more = {"ACCESS": "keys", "RATE_KEY": "0", "RATE_CLIENT": "0", "WEBHOOK_TOKEN": token}
    try:
        settings = {f"FIRSTLINE_{name}": value for name, value in more.items()}
        with database(options.database) as url, service(url, settings) as running:
            found = measure(running, options.cases, options.seed)
            found["log"] = traces(running.home / "log")
    except FirstlineError as error:
        print(f"api_fuzz: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(found, indent=2) if options.json else table(found))
    return 0 if passed(found) else 1


def measure(running: Settings, cases: int, seed: int, phases: str = PHASES) -> dict[str, Any]:
    """Send at least `cases` requests to the service that runs with these settings, on an empty store.

    `phases` of Schemathesis, by comma. Raises `SettingsError` where Schemathesis does not run.
    """
    now = SystemClock().now()
    with open_store(running.database_url) as store:
        clients, key = plant(store, now), _key(store, running.home, now)
    headers = {"Authorization": f"Bearer {key}", "X-YouTrack-Token": running.webhook_token}
    reports: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="firstline-fuzz-") as place:
        for turn in range(ROUNDS):
            missing = cases - sum(r["test_cases"]["generated"] for r in reports)
            if missing <= 0:
                break
            examples = max(1, missing // _PER_CASE)
            reports.append(_run(running, Path(place), clients, headers, examples, seed + turn, phases))
    kind = running.database_url.partition(":")[0].partition("+")[0]
    return {**summed(reports), "wanted": cases, "seed": seed, "database": kind}


def summed(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of all rounds together."""
    kinds: dict[str, int] = {}
    for failure in (f for r in reports for f in r["failures"]):
        kinds[failure["title"]] = kinds.get(failure["title"], 0) + failure["count"]
    return {
        "cases": sum(r["test_cases"]["generated"] for r in reports),
        "failed": sum(r["test_cases"]["with_failures"] for r in reports),
        "failures": kinds,
        "errors": [str(e) for r in reports for e in r["errors"]],
        "operations": min((r["operations"]["tested"] for r in reports), default=0),
        "selected": max((r["operations"]["selected"] for r in reports), default=0),
        "complete": bool(reports) and all(r["complete"] for r in reports),
        "seconds": round(sum(r["running_time"] for r in reports), 1),
        "details": [f for r in reports for f in r["failures"]],
    }


def passed(found: Mapping[str, Any]) -> bool:
    """Whether enough was sent, to every operation, and nothing was wrong."""
    enough = found["complete"] and found["cases"] >= found["wanted"]
    everywhere = 0 < found["operations"] == found["selected"]
    wrong = found["failures"] or found["errors"] or found.get("log")
    return bool(enough and everywhere and not wrong)


def table(found: Mapping[str, Any]) -> str:
    """Return the figures as lines for people."""
    rows = [
        f"{'cases':>8}{'operations':>12}{'failed':>8}{'errors':>8}{'seconds':>9}",
        f"{found['cases']:>8}{found['operations']:>12}{found['failed']:>8}{len(found['errors']):>8}"
        f"{found['seconds']:>9}",
        f"{found['database']}, seeds from {found['seed']}; all checks of Schemathesis",
    ]
    rows += [f"FAILED: {n} x {title}" for title, n in found["failures"].items()]
    rows += [f"ERROR: {error[:300]}" for error in found["errors"][:10]]
    rows += [f"LOG: {line}" for line in found.get("log", [])[:10]]
    rows += [json.dumps(d)[:1500] for d in found["details"][:10]]
    return "\n".join([*rows, log_row(found)])


def log_row(found: Mapping[str, Any]) -> str:
    """Return the row for the log."""
    return row(
        f"`api_fuzz`: {found['cases']:,} cases of Schemathesis over {found['operations']} operations, "
        f"{found['database']}",
        f"{found['failed']} failed, {len(found['errors'])} errors",
        "0 x 5xx, 0 undocumented answers",
        met=passed(found),
    )


def traces(log: Path) -> list[str]:
    """Return the lines of the service's log that speak of what nobody expected."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return [line for line in lines if any(word in line for word in _TRACES)]


def _run(
    running: Settings,
    place: Path,
    clients: Mapping[str, Planted],
    headers: Mapping[str, str],
    examples: int,
    seed: int,
    phases: str,
) -> dict[str, Any]:
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        raise SettingsError("Schemathesis is not installed.", remedy="Run `make setup`.")
    config, report = place / "schemathesis.toml", place / f"{seed}.json"
    ids = [i for client in clients.values() for i in (*client.readable, *client.ids)]
    config.write_text(_CONFIG.format(tickets=json.dumps(ids)), encoding="utf-8")
    words = [str(program), "--config-file", str(config), "run", f"{running.service_url}/v1/openapi.json"]
    words += ["--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure", "--no-color"]
    words += ["--report", "json", "--report-json-path", str(report), "--suppress-health-check", "all"]
    words += ["--warnings", "off", "--no-shrink", "--phases", phases]
    words += [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    if not report.exists():
        raise SettingsError(
            f"Schemathesis made no report. It said: {(done.stdout + done.stderr)[-500:]}",
            remedy="Run the command that failed by hand.",
        )
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def _key(store: Store, home: Path, now: datetime) -> str:
    key = api_key.new_key(secrets.token_bytes)
    digest = api_key.digest(key, pepper_of(home))
    name = str(api_key.key_id(key))
    with store.write() as conn:
        api_keys.add(
            conn, api_keys.StoredKey(name, "fuzz", Role.OPERATOR, None, digest, now, acts_for_people=True)
        )
    return key


if __name__ == "__main__":
    sys.exit(main())
