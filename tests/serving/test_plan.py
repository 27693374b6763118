"""`firstline policy plan`: what a wish would allow, and what it says where it is out of reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.taxonomy import load_taxonomy
from eval.bundle import Evidence
from serving.autonomy import derive
from serving.plan import plan, wished
from serving.policy import SHIPPED, load_policy

FIRSTLINE = str(Path(sys.executable).with_name("firstline"))
POLICY = load_policy(SHIPPED / "triage.yaml", load_taxonomy())


def rows(n: int, error: float, seed: int = 1, category: str = "payments_banking") -> Evidence:
    rng = np.random.default_rng(seed)
    said = (category,) * n
    return Evidence(rng.uniform(0.5, 1, n), rng.random(n) >= error, said, said, ("acme",) * n)


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FIRSTLINE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [FIRSTLINE, "policy", *arguments], env=env, capture_output=True, text=True, timeout=120
    )


def test_the_plan_is_what_the_service_would_do() -> None:
    evidence = rows(900, 0.02)
    found = plan(POLICY, category=evidence, priority=evidence)
    does = derive(POLICY, category=evidence, priority=evidence)
    assert {line.group: line.certificate for line in found.lines if line.group.category} == does.groups
    alone = [line for line in found.lines if line.certificate.threshold is not None]
    assert alone
    assert found.alone == pytest.approx(sum(line.certificate.n for line in alone) / 900)
    assert all(line.more == 0 for line in alone)


def test_a_wish_that_the_evidence_may_still_reach_says_how_many_tickets_are_missing() -> None:
    evidence = rows(200, 0.03)
    wish = wished(POLICY, budget=0.05, confidence=0.95, groups="desk")
    (line,) = plan(wish, category=evidence, priority=evidence).lines
    assert line.certificate.threshold is None
    assert line.more is not None
    assert line.more >= line.certificate.missing > 0
    enough = rows(200 + 3 * line.more, 0.03, seed=2)
    assert plan(wish, category=enough, priority=enough).lines[0].certificate.threshold is not None


def test_a_wish_out_of_reach_says_so_and_what_people_keep_in_any_case() -> None:
    evidence = rows(800, 0.25)
    wish = wished(POLICY, budget=0.02, confidence=0.95, groups="desk")
    (line,) = plan(wish, category=evidence, priority=evidence).lines
    assert line.more is None
    assert line.handed_over == pytest.approx((line.error - 0.02) / 0.98)


def test_thin_groups_are_listed_with_what_they_have() -> None:
    one, other = rows(400, 0.0), rows(12, 0.0, category="reporting")
    both = Evidence(
        *(np.concatenate([getattr(one, c), getattr(other, c)]) for c in ("scores", "correct")),
        *(getattr(one, c) + getattr(other, c) for c in ("predicted", "truth", "clients")),
    )
    found = plan(replace(POLICY, groups="category"), category=both, priority=both)
    assert [(str(g), n) for g, n in found.thin] == [("reporting", 12)]
    assert found.own_from > 12


def test_the_command_prints_what_json_says_and_a_wrong_wish_is_one_clear_message(
    tmp_path: Path, install: Callable[[Path], Path]
) -> None:
    install(tmp_path)
    facts = json.loads(run(tmp_path, "plan", "--json").stdout)
    text = run(tmp_path, "plan").stdout
    assert facts["bundle"] in text
    assert f"{facts['alone']:.1%} of all tickets" in text
    for wish, says in ((["--budget", "7"], "--budget is 7.0"), (["--groups", "team"], "category")):
        done = run(tmp_path, "plan", *wish)
        assert (done.returncode, done.stdout) == (3, "")
        assert says in done.stderr


def test_check_names_every_mistake_of_a_policy_at_once(tmp_path: Path) -> None:
    good = run(tmp_path, "check", str(SHIPPED / "triage.yaml"))
    assert (good.returncode, POLICY.version in good.stdout) == (0, True)
    text = (SHIPPED / "triage.yaml").read_text()
    bad = tmp_path / "policy.yaml"
    bad.write_text(
        text.replace("groups: client_category", "groups: team").replace(
            "error_budget: 0.07", "error_budget: 7"
        )
    )
    done = run(tmp_path, "check", str(bad))
    assert done.returncode == 2
    assert "groups" in done.stderr
    assert "error_budget" in done.stderr
