"""Cues of urgency in a ticket's text, for the priority head: words that the rubric is about.

Pure and language-light: counts and flags from regular expressions, each in 0..1. They stand beside the
embedding because a sentence encoder blurs exactly what the rubric asks for: how many people, how soon.
`CUES` is stored in every bundle by name; another set of cues does not fit an older bundle.
"""

from __future__ import annotations

import math
import re

_PEOPLE = (
    r"(?:employees?|people|persons?|staff|workers?|colleagues?|payslips?|salaries|payments?|records?|of us)"
)
_FLAGS: dict[str, tuple[str, ...]] = {
    "today": (
        r"\btoday",
        r"tonight",
        r"this (?:morning|afternoon|evening)",
        r"in (?:an|one|two|three|a few|\d+) hours?",
        r"by noon",
        r"end of (?:the )?day",
    ),
    "tomorrow": (
        r"\btomorrow",
        r"within 24",
        r"24 hours",
        r"next morning",
    ),
    "days": (
        r"\bin (?:two|three|four|five|[2-5]) days",
        r"this week",
        r"by (?:monday|tuesday|wednesday|thursday|friday)",
        r"on (?:monday|tuesday|wednesday|thursday|friday)",
    ),
    "pay_day": (
        r"\bpay ?-?day",
        r"pay ?-?date",
        r"salary day",
        r"pay run",
        r"payroll run",
        r"cut-?off",
    ),
    "deadline": (
        r"\bdeadline",
        r"due (?:date|today|tomorrow|by|on)",
        r"is due",
        r"penalt(?:y|ies)",
        r"fine\b",
        r"late fil",
        r"overdue",
        r"expires?",
    ),
    "urgent": (
        r"\burgent",
        r"asap",
        r"immediately",
        r"right away",
        r"at once",
        r"emergency",
        r"critical",
        r"escalat",
    ),
    "everyone": (r"\b(?:all|every|entire|whole|none of|nobody|no one|everyone|everybody)\b",),
    "blocked": (
        r"\bblocked",
        r"stuck",
        r"cannot (?:proceed|continue|submit|release|run|close)",
        r"can't (?:proceed|continue|submit|release|run|close)",
        r"stopped",
        r"down\b",
        r"outage",
    ),
    "unpaid": (
        r"\bnot (?:been )?paid",
        r"no (?:salary|wages|money|pay)\b",
        r"not received",
        r"hasn't (?:arrived|come)",
        r"didn't (?:arrive|come|receive)",
        r"unpaid",
        r"rent\b",
    ),
    "exposed": (
        r"\bsomeone else",
        r"somebody else",
        r"another (?:person|employee|company|client)",
        r"wrong person",
        r"colleague's",
        r"other people's",
        r"leak",
        r"breach",
        r"phish",
        r"fraud",
        r"scam",
        r"hacked",
    ),
    "question": (
        r"\?",
        r"how (?:do|can|to)",
        r"where (?:do|can)",
        r"could you (?:tell|explain|let me know)",
        r"wondering",
        r"question",
    ),
    "no_rush": (
        r"\bno (?:rush|hurry)",
        r"not urgent",
        r"whenever",
        r"when you (?:have|get)",
        r"at your convenience",
        r"nice to have",
        r"would be (?:nice|good|great)",
        r"suggest",
        r"idea\b",
    ),
    "thanks_only": (
        r"\bjust (?:curious|wondering|checking|a question)",
        r"small (?:thing|question)",
        r"minor",
        r"cosmetic",
        r"typo",
    ),
}
_PATTERNS = {name: re.compile("|".join(patterns), re.IGNORECASE) for name, patterns in _FLAGS.items()}
_COUNT = re.compile(rf"\b(\d{{1,3}}(?:[,. ]\d{{3}})+|\d{{1,6}})\s+(?:\w+\s+){{0,2}}?{_PEOPLE}", re.IGNORECASE)
_TOKEN_FLAGS = ("shouting", "exclaims", "head_count", "many_people", "short")

CUES: tuple[str, ...] = (*_FLAGS, *_TOKEN_FLAGS)


def cues(text: str) -> list[float]:
    """Return one number in 0..1 per name in `CUES` for a rendered ticket text."""
    flags = [1.0 if pattern.search(text) else 0.0 for pattern in _PATTERNS.values()]
    letters = [c for c in text[:500] if c.isalpha()]
    shouting = sum(c.isupper() for c in letters) / len(letters) if letters else 0.0
    count = max((int(re.sub(r"[,. ]", "", m.group(1))) for m in _COUNT.finditer(text)), default=0)
    return [
        *flags,
        min(1.0, shouting),
        min(1.0, text.count("!") / 3),
        min(1.0, math.log10(1 + count) / 4),
        1.0 if count >= 10 else 0.0,
        1.0 if len(text) < 120 else 0.0,
    ]
