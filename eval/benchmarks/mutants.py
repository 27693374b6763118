"""Small wrong changes to the safety modules that tests notice: `python -m eval.benchmarks.mutants`.

mutmut changes one place of a module at a time (a comparison, a constant, an argument, a string, a
condition) and runs the tests that guard the module (`tests/safety_modules.toml`) until one fails. It does
this in a copy under `build/mutants`, first on the import path, so that nothing of the working tree is
touched and the tests can import nothing but the changed copy.

Killed: a test failed. Timeout: the tests ran 15 times longer than on the unchanged module, an endless
loop for instance; it counts as noticed. All else (survived, no test, crashed) counts against the module.
Not changed: wording of errors and logs (`UNCHANGED`), docstrings, annotations, decorated functions (most
of them `@property` and `@contextmanager`) and what runs at import, which mutmut leaves alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from data.errors import FirstlineError, StorageError
from eval.benchmarks.postgres import postgres
from eval.benchmarks.safety_modules import ROOT, SafetyModule, safety_modules

LEAST = 0.85
UNCHANGED = (
    # An error whose only content is its wording: `raise SomeError("...` on one line or several.
    r"raise \w+Error\((f?[\"']|$)",
    r"^\s*remedy=",
    r"\b(logger|log|_log)\.(debug|info|warning|error|exception)\(",
)
_COPIED = ("data", "eval", "kb", "serving", "training", "deploy", "tests", "README.md", "requirements")
_ROOMS = ("data", "kb", "eval", "training", "serving")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the mutants of one module. `survivors` are mutmut's names of those not noticed."""

    path: str
    mutants: int
    killed: int
    timeout: int
    survivors: tuple[str, ...]

    @property
    def share(self) -> float:
        """The noticed share, 0 to 1; 1 where there was nothing to change."""
        return (self.killed + self.timeout) / self.mutants if self.mutants else 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where every module reaches 85 %, 1 where not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="*", help="paths of single modules; default: all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="default: one per core")
    options = parser.parse_args(arguments)
    results, failed = [], 0
    try:
        modules = safety_modules(options.modules)
    except FirstlineError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return error.exit_code
    for module in modules:
        try:
            results.append(measure(module, ROOT, options.workers))
            print(_line(results[-1]), file=sys.stderr, flush=True)
        except FirstlineError as error:
            failed = error.exit_code
            print(f"mutants: {error}", file=sys.stderr, flush=True)
    print(json.dumps([asdict(r) | {"share": r.share} for r in results]) if options.json else table(results))
    return failed or int(any(r.share < LEAST for r in results))


def measure(module: SafetyModule, root: Path, workers: int) -> Result:
    """Make and run the mutants of one module. Raises `StorageError` where its tests fail without any."""
    place = root / "build" / "mutants" / module.path.removesuffix(".py").replace("/", ".")
    shutil.rmtree(place, ignore_errors=True)
    (place / "mutants").mkdir(
        parents=True
    )  # Python forgets folders on its path that are not there at its start
    for name in _COPIED:
        if (root / name).exists():
            (place / name).symlink_to(root / name)
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    (place / "pyproject.toml").write_text(f"{project}\n{_configuration(module)}", encoding="utf-8")
    with _server(module) as url:
        # Not the working tree: what a test imports, also in a process of its own, is the changed copy.
        environment = os.environ | url | {"PYTHONPATH": str(place / "mutants")}
        out = _mutmut(place, environment, "run", "--max-children", str(workers))
        _mutmut(place, environment, "export-cicd-stats")
        listed = _mutmut(place, environment, "results").stdout.splitlines()
    counted = place / "mutants" / "mutmut-cicd-stats.json"
    if out.returncode or not counted.exists():
        raise StorageError(
            f"The mutants of {module.path} could not be run:\n{out.stdout[-3000:]}{out.stderr[-2000:]}",
            remedy=f"Look into {place}; the module's tests must pass there.",
        )
    counts = json.loads(counted.read_text(encoding="utf-8"))
    left = tuple(sorted(line.strip() for line in listed if ": timeout" not in line))
    return Result(module.path, counts["total"], counts["killed"], counts["timeout"], left)


def table(results: Sequence[Result]) -> str:
    """Lay the results out for people."""
    lines = [f"{'module':34}{'mutants':>9}{'killed':>8}{'timeout':>9}{'survived':>10}{'share':>8}"]
    lines += [_line(r) for r in results]
    for r in results:
        lines += [f"  {name}" for name in r.survivors]
    low = [r.path for r in results if r.share < LEAST]
    verdict = f"below {LEAST:.0%}: {', '.join(low)}" if low else f"all at {LEAST:.0%} or above"
    return "\n".join([*lines, verdict if results else "nothing was measured"])


def _line(r: Result) -> str:
    left = r.mutants - r.killed - r.timeout
    return f"{r.path:34}{r.mutants:9}{r.killed:8}{r.timeout:9}{left:10}{r.share:8.1%}"


def _configuration(module: SafetyModule) -> str:
    # A mutant's tests need no second database and no shrinking of the example that found it.
    options = ["--hypothesis-profile=mutants", "-p", "no:cacheprovider"]
    options += [] if module.postgres else ["-k", "not postgresql"]
    facts = {
        "source_paths": list(_ROOMS),
        "only_mutate": [module.path],
        "do_not_mutate_patterns": list(UNCHANGED),
        "also_copy": ["deploy", "README.md", "requirements"],
        "pytest_add_cli_args": options,
        "pytest_add_cli_args_test_selection": list(module.tests),
        "use_git_change_detection": False,
        "use_setproctitle": False,
    }
    # JSON's strings, lists and booleans are TOML's, too.
    return "\n".join(
        ["[tool.mutmut]", *(f"{name} = {json.dumps(value)}" for name, value in facts.items()), ""]
    )


@contextmanager
def _server(module: SafetyModule) -> Iterator[dict[str, str]]:
    """Start PostgreSQL once for all mutants of a module that needs it."""
    if not module.postgres:
        yield {}
        return
    with postgres() as url:
        yield {"FIRSTLINE_TEST_POSTGRES_URL": url}


def _mutmut(place: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mutmut")), *words]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    raise SystemExit(main())
