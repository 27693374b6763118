"""Several processes write and are killed at random moments: nothing half-done, nothing lost, no damage."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import UTC, datetime

from data.store import Store, inbox, jobs

WRITER = """
import sys
from datetime import UTC, datetime
from data.store import inbox, jobs, open_store

now = datetime(2026, 6, 1, tzinfo=UTC)
store = open_store(sys.argv[1])
n = 0
while True:
    n += 1
    key = f"{sys.argv[2]}:{n}"
    with store.write() as conn:
        inbox.accept(conn, key, b"{}", now, room=1_000_000)
        jobs.enqueue(conn, key, "triage", {}, now)
    print(key, flush=True)
"""


def test_killed_writers_leave_whole_transactions(store: Store, database_url: str) -> None:
    rng = random.Random(7)
    promised: list[str] = []
    for round_ in range(2):
        names = [f"r{round_}w{w}" for w in range(3)]
        running = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, database_url, name], stdout=subprocess.PIPE, text=True
            )
            for name in names
        ]
        for process in running:
            assert process.stdout is not None
            promised.append(process.stdout.readline().strip())  # all of them are at work
        for process in running:
            time.sleep(rng.uniform(0.05, 0.4))
            process.kill()
            assert process.stdout is not None
            # the same reader as above: `communicate` would lose what that one holds in its buffer
            promised += process.stdout.read().split("\n")[:-1]
            process.wait(timeout=30)
            process.stdout.close()
    assert len(promised) > 6
    now = datetime(2026, 6, 2, tzinfo=UTC)
    with store.write() as conn:
        received = {key for key, _ in inbox.pending(conn, limit=1_000_000)}
        queued = {j.dedupe_key for j in jobs.claim(conn, "check", now, 60, limit=1_000_000)}
    assert received == queued, "both rows or none"
    assert set(promised) <= received, "what a process was told is committed"
    assert [p for p in store.check() if not p.startswith("note:")] == []
