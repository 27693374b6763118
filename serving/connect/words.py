"""What desks call things, in several languages. Pure data and comparison of names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

FIELD_WORDS: Mapping[str, tuple[str, ...]] = {
    "issue_type": (
        "issue type", "request type", "type", "ticket type", "topic", "anfrageart", "anfragetyp", "typ",
        "type de demande", "tipo", "tipo de solicitud", "vraagtype", "tipo richiesta",
    ),
    "category": (
        "category", "subsystem", "area", "kategorie", "bereich", "categorie", "catégorie", "categoría",
        "categoria",
    ),
    "priority": (
        "priority", "urgency", "severity", "priorität", "dringlichkeit", "priorité", "urgence", "prioridad",
        "urgencia", "priorità", "prioriteit",
    ),
    "team": (
        "team", "queue", "group", "responsible team", "support group", "zuständiges team", "gruppe",
        "bearbeitergruppe", "équipe", "equipo", "squadra", "wachtrij",
    ),
    "state": ("state", "status", "stage", "zustand", "statut", "état", "estado", "stato"),
    "client": (
        "client", "customer", "company", "account", "organization", "kunde", "mandant", "firma", "société",
        "cliente", "empresa", "klant",
    ),
    "country": ("country", "land", "pays", "país", "paese"),
    "language": ("language", "lang", "sprache", "langue", "idioma", "lingua", "taal"),
}  # fmt: skip
PRIORITY_WORDS: Mapping[str, tuple[str, ...]] = {
    "critical": ("critical", "show stopper", "blocker", "urgent", "emergency", "kritisch", "notfall",
                 "critique", "crítica", "critica", "p1"),
    "major": ("major", "high", "hoch", "haute", "élevée", "alta", "hoog", "p2"),
    "normal": ("normal", "medium", "mittel", "moyenne", "media", "gemiddeld", "p3"),
    "minor": ("minor", "low", "trivial", "gering", "niedrig", "basse", "faible", "baja", "bassa",
              "laag", "p4"),
}  # fmt: skip
DUPLICATES = (
    "duplicates", "duplicate of", "is duplicate of", "dupliziert", "ist duplikat von", "duplikat von",
    "est un doublon de", "doublon de", "es duplicado de", "duplica", "e un duplicato di", "is duplicaat van",
)  # fmt: skip
"""How the link from a duplicate to its original is called."""
DUPLICATE = ("duplicate", "duplikat", "doublon", "duplicado", "duplicata", "duplicato", "duplicaat")
"""Words in the name of a state that says so."""


def is_duplicate_state(name: str) -> bool:
    """Tell whether a state's name says that a ticket is a duplicate."""
    return bool(set(plain(name).split()) & set(DUPLICATE))


def duplicate_relation(relations: Iterable[str]) -> str:
    """Return the words that lead from a duplicate to its original, or an empty string."""
    return next((r for r in relations if plain(r) in DUPLICATES), "")


def plain(name: str) -> str:
    """Return a name without case, accents and punctuation: `Zuständiges_Team` is `zustandiges team`."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", bare.replace("_", " ")))


def name_score(ours: str, theirs: str) -> float:
    """Return how much a field's name speaks for being our field: 1 the same word, 0.5 contains it, 0 no."""
    words, name = [plain(w) for w in FIELD_WORDS[ours]], plain(theirs)
    if name in words:
        return 1.0
    parts = set(name.split())
    return 0.5 if any(set(w.split()) <= parts for w in words if len(w) > 3) else 0.0


def match_values(ours: str, keys: Iterable[str], values: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return key -> the values that mean it, the best first. No value is given to two keys."""
    free = {v: plain(v) for v in values}
    found: dict[str, tuple[str, ...]] = {}
    wanted = {
        k: [plain(w) for w in (k, *(PRIORITY_WORDS.get(k, ()) if ours == "priority" else ()))] for k in keys
    }
    for key, words in wanted.items():
        exact = sorted((v for v, p in free.items() if p in words), key=lambda v: words.index(free[v]))
        found[key] = tuple(exact)
        for value in exact:
            del free[value]
    for key, words in wanted.items():
        if not found[key]:
            near = [v for v, p in free.items() if set(words[0].split()) <= set(p.split())]
            # Of several none is better: `pension` stands in `pension transfer` as well.
            found[key] = tuple(near) if len(near) == 1 else ()
            for value in found[key]:
                del free[value]
    return {k: v for k, v in found.items() if v}
