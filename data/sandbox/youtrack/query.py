"""The part of the search language that clients of this stand-in need, with its traps.

`attribute: value, value` (OR within), terms side by side (AND), `or`, parentheses, `-value`, `{a value}`,
`"a text"`, `#Value`, ranges `a .. b` with `*`, `has:`, `sort by:`. A plain word or an unknown attribute is a
text search. A range without spaces finds nothing behind braces and is refused behind a date.
"""

from __future__ import annotations

import re
from datetime import datetime

from data.sandbox.youtrack.access import reader
from data.sandbox.youtrack.attributes import (
    Attributes,
    Predicate,
    SortKey,
    Value,
    default_key,
    text_search,
)
from data.sandbox.youtrack.errors import invalid_query
from data.sandbox.youtrack.lexer import Token, tokens
from data.sandbox.youtrack.model import Issue, User
from data.sandbox.youtrack.state import TrackerState

_KEPT = 8
_ID = re.compile(r"[A-Za-z]\w*-\d+")
_NOTHING = Token("end", "")


def search(state: TrackerState, text: str, caller: User, now: datetime) -> list[Issue]:
    """Return the issues that match, in the order asked for (default: newest update first); not a copy.

    Raises `ApiError` 400 where the language refuses the query.
    """
    # Relative dates are rounded to the hour.
    hour = now.replace(minute=0, second=0, microsecond=0)
    key = (text, caller.login, state.version, frozenset(state.lost), hour)
    if key not in state.searches:
        if len(state.searches) >= _KEPT:
            state.searches.clear()
        state.searches[key] = _searched(state, text, caller, now)
    return state.searches[key]


def _searched(state: TrackerState, text: str, caller: User, now: datetime) -> list[Issue]:
    matches, keys = _Parser(state, text, caller, now).parse()
    may_read = reader(state, caller)
    found = [i for i in state.issues.values() if may_read(i) and matches(i)]
    for key, descending in reversed(keys or [(default_key, True)]):
        found.sort(key=key, reverse=descending)  # type: ignore[arg-type]
    return found


class _Parser:
    def __init__(self, state: TrackerState, text: str, caller: User, now: datetime) -> None:
        self._attributes = Attributes(state, caller, now)
        self._tokens = tokens(text, self._attributes.names)
        self._at = 0
        self._keys: list[SortKey] = []

    def parse(self) -> tuple[Predicate, list[SortKey]]:
        """Return what the query asks for, and the order."""
        found = self._either()
        if self._peek() is not _NOTHING:
            raise invalid_query("Unexpected closing parenthesis.")
        return found, self._keys

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._word("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda i: any(p(i) for p in parts)

    def _both(self) -> Predicate:
        parts: list[Predicate] = []
        while not self._ends():
            if not self._word("and"):
                parts.append(self._term())
        return lambda i: all(p(i) for p in parts)

    def _ends(self) -> bool:
        token = self._peek()
        return token is _NOTHING or token.text == ")" or (token.kind == "word" and token.text.lower() == "or")

    def _term(self) -> Predicate:
        token = self._take()
        if token.text == "(" and token.kind == "mark":
            inner = self._either()
            if self._take().text != ")":
                raise invalid_query("Closing parenthesis is expected.")
            return inner
        if token.kind == "broken":
            return lambda i: False
        if token.kind in ("word", "brace") and not token.sign and self._mark(":"):
            return self._attribute(token.text.lower())
        if token.sign:
            return self._attributes.signed(token.text, negated=token.sign == "-")
        return text_search(token.text) if token.kind != "mark" else lambda i: True

    def _attribute(self, name: str) -> Predicate:
        if name in ("sort by", "order by"):
            self._keys = self._sort_keys()
            return lambda i: True
        if self._peek().kind == "broken":  # a range without spaces behind braces finds nothing
            self._take()
            return lambda i: False
        values = [self._value()]
        # Ids may stand behind one another without commas.
        while self._mark(",") or (name == "issue id" and _ID.fullmatch(self._peek().text)):
            values.append(self._value())
        return self._attributes.predicate(name, values)

    def _value(self) -> Value:
        token = self._take()
        if token.kind in ("mark", "end", "range"):
            raise invalid_query("A value is expected.")
        if self._peek().kind == "range":
            self._take()
            return Value(token.text, self._take().text, token.sign == "-", token.kind == "quote")
        return Value(token.text, None, token.sign == "-", token.kind == "quote")

    def _sort_keys(self) -> list[SortKey]:
        keys: list[SortKey] = []
        while self._peek().kind in ("word", "brace"):
            key = self._attributes.sort_key(self._take().text.lower())
            if key is None:
                raise invalid_query("Sort field is expected.")
            descending = self._word("desc")
            if not descending:
                self._word("asc")
            keys.append((key, descending))
            if not self._mark(","):
                break
        if not keys:
            raise invalid_query("Sort field is expected.")
        return keys

    def _word(self, text: str) -> bool:
        if self._peek().kind == "word" and self._peek().text.lower() == text:
            self._at += 1
            return True
        return False

    def _mark(self, text: str) -> bool:
        if self._peek().kind == "mark" and self._peek().text == text:
            self._at += 1
            return True
        return False

    def _take(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _NOTHING
