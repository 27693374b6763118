"""An outcome for people and for programs. Pure."""

from __future__ import annotations

from typing import Any

from serving.patterns.run import Outcome

_SIGNS = {"holds": "+", "fails": "-", "unread": "?", "lacks": "?"}


def as_json(ticket: str, outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    candidates = outcome.planned.candidates if outcome.planned is not None else ()
    return {
        "ticket": ticket,
        "end": outcome.end,
        "why": outcome.why,
        "pattern": outcome.pattern,
        "again": outcome.again,
        "looked": list(outcome.looked),
        "candidates": [
            {
                "pattern": c.pattern.id,
                "verdict": c.verdict,
                "lacks": list(c.lacks),
                "checks": [{"asks": k.asks, "outcome": k.outcome, "why": k.why} for k in c.checks],
            }
            for c in candidates
        ],
        "effects": list(outcome.did),
        "message": outcome.message,
    }


def as_lines(ticket: str, outcome: Outcome) -> list[str]:
    """Return an outcome step by step: what was looked up, how each pattern stood, what came of it."""
    lines = [f"{ticket}"]
    if outcome.looked:
        lines += ["", f"Looked up: {', '.join(outcome.looked)}"]
    for c in outcome.planned.candidates if outcome.planned is not None else ():
        lines += ["", f"{c.pattern.id} (mode {c.pattern.mode}): {c.verdict}"]
        lines += [f"  {_SIGNS[k.outcome]} {k.asks}  ({k.why})" for k in c.checks]
        if c.lacks:
            lines.append(f"  ? not known: {', '.join(c.lacks)}")
    lines += [
        "",
        f"{outcome.end.upper()}: {outcome.why}" + (f"  [{outcome.pattern}]" if outcome.pattern else ""),
    ]
    lines += [f"  {line}" for line in outcome.did]
    if outcome.message:
        lines += ["", *(f"  | {line}".rstrip() for line in outcome.message.splitlines())]
    return lines
