"""How one person's name may be written, and where in a ticket a part of it stands alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data.redact.folding import key

# Forms of a name in text; `data.redact.surrogates` writes the stand-in in the same form.
FULL, LAST_FIRST, LAST_COMMA_FIRST, INITIAL_LAST, FIRST_INITIAL, FIRST, LAST = (
    "full", "last_first", "last_comma_first", "initial_last", "first_initial", "first", "last",
)  # fmt: skip

_TITLES = re.compile(
    r"^(?:(?:mr|mrs|ms|miss|dr|prof|univ|dipl|ing|med|sig|sra?|dott|mag|b\.?sc|pan|pani)\.?[ -]+)+"
)
_SUFFIXES = re.compile(r"[, ]+(?:jr|sr|md|mba|phd|dds|ba|b\.?a|b\.?sc|m\.?sc|ii|iii|iv|v)\.?$")
_PARTICLES = frozenset(
    {
        "de", "da", "do", "dos", "das", "del", "della", "di", "du", "van", "von", "der", "den", "ter",
        "ten", "la", "le", "las", "los", "bin", "binti", "al", "el", "abu", "ibn", "zu", "st", "y",
    }
)  # fmt: skip
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"}

_SALUTATION = re.compile(
    r"(?:^|[\s,.!>])(?:hi|hello|hey|dear|hallo|liebe[r]?|guten (?:tag|morgen)|sehr geehrte[r]?|bonjour|salut"
    r"|ch[eè]re?|hola|estimad[oa]|buenos d[ií]as|ciao|buongiorno|gentile|ol[aá]|bom dia|car[oa]|prezad[oa]"
    r"|beste|goedemorgen|dzie[nń] dobry|good (?:morning|afternoon|evening)|morning|thanks|thank you"
    r"|danke|gracias|merci)[ ,]{1,2}$",
    re.IGNORECASE,
)
_TITLE_BEFORE = re.compile(
    r"(?:^|[\s,(>])(?:mr|mrs|ms|miss|mx|dr|prof|sir|madam|herrn?|frau|se[ñn]ora?|sra?|don|do[ñn]a|monsieur|madame|mlle|mme|m"
    r"|signora?|sig|sig\.ra|dott|dhr|mevr|meneer|mevrouw|pani?)\.?[ ]$",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    r"(?:my name is|this is|i am|i'm|name[:.]|signed[:,]?|ich bin|mein name ist|je suis|je m'appelle"
    r"|soy|me llamo|sono|mi chiamo|sou|ik ben|jestem|employee:?|colleague|asked|told|by"
    r"|for|from|with|ask)[ ]$",
    re.IGNORECASE,
)
# Given names and surnames that are ordinary words after "for" or "by" far more often than a person.
_ORDINARY = frozenset(
    {
        "april", "may", "june", "july", "august", "post", "mail", "master", "white", "black", "green",
        "brown", "golden", "gold", "french", "english", "german", "irish", "welsh", "scott", "bank",
        "banks", "day", "week", "monday", "friday", "sunday", "christmas", "easter", "long", "short",
        "young", "good", "best", "small", "cash", "price", "case", "bill", "page", "hand", "law", "will",
        "grace", "hope", "joy", "faith", "mark", "rose", "summer", "winter", "park", "church", "lane",
        "street", "paris", "london", "berlin", "israel",
    }
)  # fmt: skip
_SIGN_OFF = re.compile(
    r"(?:regards|rgds|thanks|thank you|thx|cheers|best|sincerely|faithfully|yours|br|kr|gr[uü](?:ß|ss)e?n?"
    r"|mfg|danke|merci(?: d'avance)?|cordialement|saludos?|gracias|un saludo|saluti|grazie"
    r"|cumprimentos|obrigad[oa]|groet(?:en)?|pozdrawiam"
    r"|advance|wishes)[ ,.!\-]{0,4}(?:\s*\n\s*|[,.!]? )(?:-+ ?)?$",
    re.IGNORECASE,
)
CONTEXT_CHARS = 48


@dataclass(frozen=True, slots=True)
class NameParts:
    """A name split for matching: folded given name and surname (empty where there is only one word)."""

    full: str
    first: str
    last: str


def split_name(name: str) -> NameParts:
    """Split a name in natural order; particles (van der, de la) belong to the surname."""
    bare = _SUFFIXES.sub("", _TITLES.sub("", key(name)))
    words = bare.split()
    if len(words) < 2:
        return NameParts(bare, bare, "")
    cut = next((i for i, w in enumerate(words) if 0 < i < len(words) - 1 and w in _PARTICLES), len(words) - 1)
    return NameParts(bare, words[0], " ".join(words[cut:]))


def variants(name: str) -> dict[str, str]:
    """Return the folded ways to write the whole name, each with its form."""
    found: dict[str, str] = {}
    for spelled in dict.fromkeys((name, _respelled(name))):
        parts = split_name(spelled)
        if not parts.last:
            if len(parts.full) >= 4:
                found.setdefault(parts.full, FULL)
            continue
        given = parts.full.removesuffix(parts.last).strip()
        for text, form in (
            (parts.full, FULL),
            (f"{parts.first} {parts.last}", FULL),
            (f"{parts.last} {given}", LAST_FIRST),
            (f"{parts.last} {parts.first}", LAST_FIRST),
            (f"{parts.last}, {given}", LAST_COMMA_FIRST),
            (f"{parts.last}, {parts.first}", LAST_COMMA_FIRST),
            (f"{parts.first[0]}. {parts.last}", INITIAL_LAST),
            (f"{parts.first[0]}.{parts.last}", INITIAL_LAST),
            (f"{parts.first} {parts.last[0]}.", FIRST_INITIAL),
        ):
            found.setdefault(text, form)
            found.setdefault(text.replace("-", " "), form)
    return found


def _respelled(name: str) -> str:
    lowered = name.casefold()
    return "".join(_UMLAUTS.get(c, c) for c in lowered)


def stands_alone(text: str, start: int, word: str) -> bool:
    """True where the name `word` (folded) at `text[start:]` is one by its context.

    Salutations, titles and sign-offs are strong; a preposition or "I am" counts only before a capital and
    not for words that are ordinary ones, too.
    """
    before = text[max(0, start - CONTEXT_CHARS) : start]
    if _SALUTATION.search(before) or _TITLE_BEFORE.search(before) or _SIGN_OFF.search(before):
        return True
    return text[start].isupper() and word not in _ORDINARY and bool(_INTRODUCTION.search(before))
