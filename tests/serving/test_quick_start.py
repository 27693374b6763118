"""Every command starts by making the command tree: nothing heavy may be imported for that."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"numpy", "scipy", "sqlalchemy", "httpx", "torch", "pandas", "mlflow", "bentoml", "datasets"}


def test_the_command_tree_needs_nothing_heavy() -> None:
    script = "import sys; from serving.cli import application; application(); print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_the_worker_starts_without_the_engine() -> None:
    script = "import sys; import serving.worker; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "torch", "onnxruntime"} & set(done.stdout.split())
