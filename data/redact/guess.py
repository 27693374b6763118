"""Names that no directory knows, guessed from where they stand. Best effort: see the package's page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data.redact.folding import key
from data.redact.names import FIRST, FULL, LAST
from data.redact.span import Match

_NAME = r"[^\W\d_a-z][^\W\d_]{1,20}(?:[-'][^\W\d_]{1,20})?"
_PARTICLE = r"(?:de|da|dos|van|von|der|den|la|del|di|el|al|bin)"
_FULL_NAME = rf"{_NAME}(?: {_PARTICLE}){{0,2}} {_NAME}(?: {_NAME})?"
_SIGN_OFF = re.compile(
    r"(?i:regards|rgds|thanks|thank you|many thanks|cheers|sincerely|faithfully|gr[uü](?:ß|ss)e|mfg|danke"
    r"|merci|cordialement|saludos?|gracias|saluti|grazie|cumprimentos|obrigad[oa]|groeten?|pozdrawiam|wishes|best)"
    rf"[ ,.!]{{0,3}}\s{{0,3}}\n\s{{0,3}}({_FULL_NAME}|{_NAME})[ .]{{0,2}}(?=\n|,|$)"
)
_INTRODUCED = re.compile(
    rf"(?i:my name is|mein name ist|je m'appelle|me llamo|mi chiamo"
    rf"|meu nome é|mijn naam is) ({_FULL_NAME}|{_NAME})"
)
_TITLED = re.compile(
    r"(?<![^\W\d_])(?:Mr|Mrs|Ms|Herrn?|Frau|Señora?|Monsieur|Madame|Mme|Signora?|Mevrouw)\.? "
    rf"({_FULL_NAME}|{_NAME})"
)
_NOT_NAMES = frozenset(
    re.findall(
        r"\w+",
        """
        the team support payroll finance hr human resources accounts accounting office it helpdesk
        desk department group global shared service services centre center admin administration
        manager director head lead all sir madam management treasury benefits compensation
        internal legal privacy procurement reception sent from i please we you this that president
        operations analyst specialist officer consultant everyone regards thanks portal mobile app
        ceo cfo coo union works council company client customer growth partner lead associate coordinator
        """,
    )
)


def guesses(text: str) -> Iterator[Match]:
    """Find likely names: after a sign-off line, after "my name is", after a title."""
    for pattern in (_SIGN_OFF, _INTRODUCED, _TITLED):
        for found in pattern.finditer(text):
            name = found.group(1)
            if {w.casefold() for w in name.split()} & _NOT_NAMES:
                continue
            form = FULL if " " in name else (LAST if pattern is _TITLED else FIRST)
            yield Match("person", found.start(1), found.end(1), f"guess:{key(name)}", -1, form)
