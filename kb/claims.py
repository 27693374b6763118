"""Which two patterns claim the same case. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import combinations

from kb.conditions import Condition
from kb.pattern import Pattern, Scope
from kb.vocabulary import KNOWN


def double_claims(patterns: Sequence[Pattern]) -> list[tuple[Pattern, Pattern]]:
    """Return the pairs that could both hold for one ticket, though neither yields to the other."""
    live = [p for p in patterns if p.record.status != "retired"]
    return [(a, b) for a, b in combinations(live, 2) if both_claim(a, b)]


def both_claim(a: Pattern, b: Pattern) -> bool:
    """Tell whether one ticket can satisfy both, as far as types, scope, words and checks can tell."""
    return (
        bool(set(a.issue_types) & set(b.issue_types))
        and _overlap(a.applies_to, b.applies_to)
        and not _words_exclude(a, b)
        and not _words_exclude(b, a)
        and not any(_contradict(x, y) for x in a.checks for y in b.checks)
        and b.id not in a.yields_to
        and a.id not in b.yields_to
    )


def _overlap(a: Scope, b: Scope) -> bool:
    lists = ((a.clients, b.clients), (a.countries, b.countries), (a.releases, b.releases))
    if any(x and y and not set(x) & set(y) for x, y in lists):
        return False
    return a.valid_from <= (b.valid_to or date.max) and b.valid_from <= (a.valid_to or date.max)


def _words_exclude(a: Pattern, b: Pattern) -> bool:
    """Whatever `a` needs to see is something that `b` must not see."""
    needed = {w.casefold() for w in a.detect.some}
    return bool(needed) and needed <= {w.casefold() for w in b.detect.none}


def _contradict(x: Condition, y: Condition) -> bool:
    """The same look-up with the same arguments cannot give what both want."""
    if x.read != y.read or dict(x.arguments) != dict(y.arguments):
        return False
    return any(
        KNOWN not in (*x.where[name], *y.where[name]) and not set(x.where[name]) & set(y.where[name])
        for name in x.where.keys() & y.where.keys()
    )
