"""Splits by family: audited families measure, all others teach. Pure.

- A family with an audited ticket goes to `calibration` or `test`, half each by a hash of its name, so the
  side stays the same as the desk's history grows. Only its audited rows are kept: thresholds and figures
  rest on labels that a second person confirmed, and its other copies may not teach.
- Every other family is `train`, at most `FAMILY_CAP_ROWS` copies of it (chosen by a hash of the ticket
  id), so that frequent texts do not outweigh the rest. Copies that disagree in their labels are kept:
  people's disagreement is information about the noise.

Rows of one family are copies of one text and so are not independent evidence: whoever computes an interval
on `calibration` or `test` should count families, or weigh rows by family.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from data.dataset.rows import BESIDE_AUDITED, FAMILY_CAP, Exclusion, Row

TRAIN, CALIBRATION, TEST = "train", "calibration", "test"
SPLITS = (TRAIN, CALIBRATION, TEST)
FAMILY_CAP_ROWS = 3


def split(rows: Sequence[Row], *, cap: int = FAMILY_CAP_ROWS) -> tuple[list[Row], list[Exclusion]]:
    """Return `rows` (with `family` set) with their split, ordered by ticket id, and what was left out."""
    kept: list[Row] = []
    left_out: list[Exclusion] = []
    by_family: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_family[row.family].append(row)
    for family, members in by_family.items():
        if any(r.audited for r in members):
            side = measuring_side(family)
            kept += [replace(r, split=side) for r in members if r.audited]
            left_out += [Exclusion(r.ticket_id, BESIDE_AUDITED) for r in members if not r.audited]
            continue
        ranked = sorted(members, key=lambda r: _hash(r.ticket_id))
        kept += [replace(r, split=TRAIN) for r in ranked[:cap]]
        left_out += [Exclusion(r.ticket_id, FAMILY_CAP) for r in ranked[cap:]]
    return sorted(kept, key=lambda r: r.ticket_id), left_out


def measuring_side(family: str) -> str:
    """Return the side of an audited family: `calibration` or `test`, half each."""
    return CALIBRATION if _hash(f"side:{family}")[0] % 2 else TEST


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
