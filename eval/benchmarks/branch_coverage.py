"""Branches of the safety modules that their tests run: `python -m eval.benchmarks.branch_coverage`.

Runs the tests of `tests/safety_modules.toml`, on both databases, and fails under 100 %. A branch that no
test can reach is removed from the code, not excluded here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from data.errors import FirstlineError
from eval.benchmarks.safety_modules import ROOT, safety_modules


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 where every branch was taken, 1 where not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="*", help="paths of single modules; default: all")
    options = parser.parse_args(arguments)
    try:
        modules = safety_modules(options.modules)
    except FirstlineError as error:
        print(f"branch_coverage: {error}", file=sys.stderr)
        return error.exit_code
    tests = sorted({t for m in modules for t in m.tests})
    with tempfile.TemporaryDirectory(prefix="firstline-coverage-") as scratch:
        coverage = [sys.executable, "-m", "coverage"]
        data = f"--data-file={Path(scratch) / 'coverage'}"
        chosen = f"--include={','.join(m.path for m in modules)}"
        run = [*coverage, "run", data, "--branch", chosen, "-m", "pytest", "-q", *tests]
        report = [*coverage, "report", data, "--show-missing", "--fail-under=100", "--precision=1"]
        if subprocess.run(run, cwd=ROOT, check=False).returncode:
            return 1
        return int(subprocess.run(report, cwd=ROOT, check=False).returncode != 0)


if __name__ == "__main__":
    raise SystemExit(main())
