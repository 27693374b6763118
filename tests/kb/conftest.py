"""A small knowledge base in a folder, and the shipped documents as text with changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.taxonomy import Taxonomy, load_taxonomy
from kb.article import ARTICLES
from kb.pattern import PATTERNS

Changed = Callable[..., str]


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


def _front(text: str) -> tuple[dict[str, Any], str]:
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def _as_draft(raw: dict[str, Any]) -> dict[str, Any]:
    steps = ("reviewed_", "approved_", "retired_")
    return {k: v for k, v in raw.items() if not k.startswith(steps)} | {"status": "draft"}


@pytest.fixture(scope="session")
def article_text() -> Changed:
    """A shipped article as a draft, with entries changed (`...` leaves one out) and perhaps another body."""

    def changed(
        name: str = "payslips/payslip-not-visible", *, body: str | None = None, **changes: Any
    ) -> str:
        raw, own = _front((ARTICLES / f"{name}.md").read_text(encoding="utf-8"))
        raw = {k: v for k, v in {**_as_draft(raw), **changes}.items() if v is not ...}
        return f"---\n{yaml.safe_dump(raw, sort_keys=False)}---\n{own if body is None else body}"

    return changed


@pytest.fixture(scope="session")
def pattern_text() -> Changed:
    """A shipped pattern as a draft, with entries changed (`...` leaves one out)."""

    def changed(name: str = "password-reset-link", **changes: Any) -> str:
        raw = _as_draft(yaml.safe_load((PATTERNS / f"{name}.yaml").read_text(encoding="utf-8")))
        return yaml.safe_dump({k: v for k, v in {**raw, **changes}.items() if v is not ...}, sort_keys=False)

    return changed


@pytest.fixture
def kb_root(tmp_path: Path, article_text: Changed, pattern_text: Changed) -> Path:
    """Two articles and a pattern, all drafts; links between them hold."""
    articles, patterns = tmp_path / "articles", tmp_path / "patterns"
    articles.mkdir()
    patterns.mkdir()
    body = _front(article_text())[1].replace("(payslip-file-will-not-open.md)", "(forgotten-password.md)")
    body = body.replace("(older-payslips.md)", "(forgotten-password.md)")
    (articles / "payslip-not-visible.md").write_text(article_text(body=body))
    other = article_text("access/forgotten-password")
    (articles / "forgotten-password.md").write_text(
        other.replace("(account-locked.md)", "(payslip-not-visible.md)")
    )
    (patterns / "password-reset-link.yaml").write_text(pattern_text())
    return tmp_path
