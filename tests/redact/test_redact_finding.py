"""The parts of finding, one by one: folding, names, the directory's index, shapes and checksums."""

from __future__ import annotations

import re

import pytest

from data.redact.contact import emails, phones
from data.redact.directory import Person
from data.redact.folding import Folded, fold, fold_char, key, squeeze, squeezed_key
from data.redact.guess import guesses
from data.redact.identifiers import bics, cards, ibans, labelled, mod97, national_ids
from data.redact.index import DirectoryIndex, person_key
from data.redact.names import NameParts, split_name, stands_alone, variants
from data.redact.national import RULES, Rule, check_of, digits, luhn, pattern_of
from data.redact.redactor import Redactor
from data.redact.span import Match, Redaction, Span, settle
from data.ticket import Ticket

# Folding.


@pytest.mark.parametrize(
    ("char", "folded"),
    [
        ("É", "e"),
        ("ß", "ss"),
        ("ﬁ", "fi"),
        ("Æ", "ae"),
        ("Ł", "l"),
        ("ø", "o"),
        ("’", "'"),
        ("—", "-"),
        ("_", " "),
        ("\t", " "),
        ("\u00a0", " "),
        ("\u00ad", ""),
        ("\u0301", ""),
        ("\x07", ""),
        ("\u200b", ""),
        ("7", "7"),
    ],
)
def test_a_character_is_folded(char: str, folded: str) -> None:
    assert fold_char(char) == folded


def test_folding_knows_where_each_character_came_from() -> None:
    assert fold("  Aé \n b") == Folded(" ae b", [0, 2, 3, 4, 7, 8])
    assert fold("") == Folded("", [0])
    assert fold("ﬁx") == Folded("fix", [0, 0, 1, 2])
    assert squeeze(fold("DE 8-9é")) == Folded("de89e", [0, 1, 3, 5, 6, 7])
    assert (key("  X \n y "), squeezed_key("ha-10 423")) == ("x y", "ha10423")


def test_a_span_takes_combining_marks_along() -> None:
    text = "Mu\u0308ller\u0301 x"
    folded = fold(text)
    assert folded.text == "muller x"
    assert folded.span(0, 6, text) == (0, 8)
    assert folded.span(0, 2, text) == (0, 3)
    assert folded.span(7, 8, text) == (9, 10)
    assert fold("ab\u0301").span(1, 2, "ab\u0301") == (1, 3)


# Names.


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Anna Müller", NameParts("anna muller", "anna", "muller")),
        (
            "Dr. Anna-Maria van der Berg, PhD",
            NameParts("anna-maria van der berg", "anna-maria", "van der berg"),
        ),
        ("Juan Carlos de la Cruz", NameParts("juan carlos de la cruz", "juan", "de la cruz")),
        ("Juan Carlos Cruz", NameParts("juan carlos cruz", "juan", "cruz")),
        ("Van Morrison", NameParts("van morrison", "van", "morrison")),
        ("De La", NameParts("de la", "de", "la")),
        ("John Smith Jr.", NameParts("john smith", "john", "smith")),
        ("Müller", NameParts("muller", "muller", "")),
        ("", NameParts("", "", "")),
    ],
)
def test_a_name_is_split_into_given_name_and_surname(name: str, parts: NameParts) -> None:
    assert split_name(name) == parts


def test_every_way_to_write_a_whole_name() -> None:
    assert variants("Juan Carlos de la Cruz") == {
        "juan carlos de la cruz": "full",
        "juan de la cruz": "full",
        "de la cruz juan carlos": "last_first",
        "de la cruz juan": "last_first",
        "de la cruz, juan carlos": "last_comma_first",
        "de la cruz, juan": "last_comma_first",
        "j. de la cruz": "initial_last",
        "j.de la cruz": "initial_last",
        "juan d.": "first_initial",
    }
    written = variants("Anna-Maria Größe")
    assert (
        written["anna-maria grosse"]
        == written["anna maria grosse"]
        == written["anna-maria groesse"]
        == "full"
    )
    assert written["anna maria g."] == "first_initial"
    assert variants("Müller") == {"muller": "full", "mueller": "full"}
    assert variants("Jürg") == {"jurg": "full", "juerg": "full"}
    assert variants("Åsa") == {"aasa": "full"}, "three letters alone are no evidence"


@pytest.mark.parametrize(
    ("text", "word", "alone"),
    [
        ("Hi Anna", "anna", True),
        ("hi anna", "anna", True),
        ("Dear  Anna", "anna", True),
        ("Frau Anna", "anna", True),
        ("Thanks,\nAnna", "anna", True),
        ("this is Anna", "anna", True),
        ("this is anna", "anna", False),
        ("for May", "may", False),
        ("for Anna", "anna", True),
        ("the Anna", "anna", False),
        ("Anna", "anna", False),
    ],
)
def test_a_part_of_a_name_stands_alone_by_what_is_before_it(text: str, word: str, alone: bool) -> None:
    assert stands_alone(text, text.lower().rindex(word), word) is alone


def test_only_what_is_close_before_it_counts() -> None:
    from data.redact.names import CONTEXT_CHARS

    gap = " " * (CONTEXT_CHARS - 3)
    assert stands_alone(f"thanks\n{gap[:20]}Anna", 27, "anna")
    assert not stands_alone(f"thanks\n{' ' * CONTEXT_CHARS}Anna", 7 + CONTEXT_CHARS, "anna")


# The directory.

ANNA = Person(
    "Anna Müller",
    "A.M@Hartmann.example",
    "HA-10423",
    "+49 1512 3456789",
    "DE89 3704 0044 0532 0130 00",
    "65929970489",
    "Agnes-Wesack-Straße 26, 66907 Werdau",
    "hartmann",
)


def spans(matches: object) -> list[tuple[str, int, int, str, int, str]]:
    return [(m.kind, m.start, m.end, m.canonical, m.weight, m.form) for m in matches]  # type: ignore[attr-defined]


def phrases(index: DirectoryIndex, text: str) -> list[tuple[str, int, int, str, int, str]]:
    return spans(index.phrases(text, fold(text)))


def identifiers(index: DirectoryIndex, text: str) -> list[tuple[str, int, int, str, int, str]]:
    return spans(index.identifiers(text, fold(text)))


def test_what_identifies_a_person() -> None:
    assert person_key(ANNA) == "hartmann/HA-10423"
    assert person_key(Person("Anna Müller", "A@B.c", client="x")) == "x/a@b.c"
    assert person_key(Person("Dr. Anna Müller")) == "/anna muller"


def test_the_index_knows_names_mails_and_values() -> None:
    index = DirectoryIndex([ANNA, ANNA, Person("Lee Wei")])
    assert index.name_of == {"hartmann/HA-10423": "anna muller", "/lee wei": "lee wei"}
    assert index.by_email == {"a.m@hartmann.example": "hartmann/HA-10423"}
    assert index.known == {
        "anna muller",
        "lee wei",
        "a.m@hartmann.example",
        "ha10423",
        "4915123456789",
        "de89370400440532013000",
        "65929970489",
    }
    assert DirectoryIndex([]).known == frozenset()


def test_names_and_addresses_are_found_as_phrases() -> None:
    index = DirectoryIndex([ANNA])
    assert phrases(index, "x Anna Müller y") == [("person", 2, 13, "hartmann/HA-10423", 4, "full")]
    address = key(ANNA.address)
    assert phrases(index, f"at {ANNA.address}!") == [("address", 3, 39, address, 4, "")]
    assert phrases(index, "at Agnes-Wesack-Straße 26 66907 Werdau")[0][3] == address
    assert phrases(DirectoryIndex([]), "Anna Müller") == []


@pytest.mark.parametrize(("address", "found"), [("Am 12", 0), ("Weg 12", 1)])
def test_an_address_has_six_characters_at_least(address: str, found: int) -> None:
    assert len(phrases(DirectoryIndex([Person("Lee Wei", address=address)]), f"at {address}.")) == found


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Anna Müller", 11),
        ("Anna Müllers pay", 11),
        ("ANNA MÜLLERS", 11),
        ("Anna Müllersx", None),
        ("Anna Müllerx", None),
        ("xAnna Müller", None),
        ("_Anna Müller_", 12),
        ("1Anna Müller", None),
        ("Anna Müller1", None),
    ],
)
def test_a_name_ends_where_a_word_ends(text: str, end: int | None) -> None:
    found = phrases(DirectoryIndex([ANNA]), text)
    assert [m[2] for m in found] == ([] if end is None else [end])


def test_an_identifier_followed_by_an_s_is_another_word() -> None:
    index = DirectoryIndex([ANNA])
    assert identifiers(index, "HA-10423s") == []
    assert [m[:3] for m in identifiers(index, "(HA-10423)")] == [("employee_id", 1, 9)]


def test_a_reversed_name_that_cuts_through_two_people_is_none() -> None:
    index = DirectoryIndex([Person("Lee Wei"), Person("Ann Lee"), Person("Ann Wei")])
    text = "Lee Wei, Ann Lee"
    assert [(text[s:e], form) for _, s, e, _, _, form in phrases(index, text)] == [
        ("Lee Wei", "full"),
        ("Ann Lee", "full"),
    ]
    assert [(f) for *_, f in phrases(index, "to Wei, Ann today")] == ["last_comma_first"]


@pytest.mark.parametrize(
    ("person", "text", "kind", "canonical"),
    [
        (Person("A B", iban="DE89 3704"), "x de89-3704 y", "iban", "DE893704"),
        (Person("A B", national_id="1234567"), "x 123 45 67 y", "national_id", "1234567"),
        (Person("A B", national_id="123456"), "x 123456 y", None, None),
        (Person("A B", employee_id="A123"), "x a-123 y", "employee_id", "A123"),
        (Person("A B", employee_id="A12"), "x A12 y", None, None),
        (Person("A B", phone="+49 1512 34567"), "x 0151234567 y", "phone", "49151234567"),
        (Person("A B", phone="+1 415 555 267"), "x 0415555267 y", "phone", "1415555267"),
        (Person("A B", phone="+351 21 123 45"), "x 02112345 y", "phone", "3512112345"),
        (Person("A B", phone="123456789"), "x 023456789 y", None, None),
    ],
)
def test_identifiers_of_the_directory_are_found_if_they_are_long_enough(
    person: Person, text: str, kind: str | None, canonical: str | None
) -> None:
    found = identifiers(DirectoryIndex([person]), text)
    assert found == ([] if kind is None else [(kind, 2, len(text) - 2, canonical, 4, "")])


def parts(people: list[Person], text: str, mentioned: frozenset[str] = frozenset()) -> list[tuple[str, ...]]:
    index = DirectoryIndex(people)
    return [(text[m.start : m.end], m.canonical, m.form) for m in index.parts(text, fold(text), mentioned)]


def test_parts_of_names_need_context_or_the_whole_name_elsewhere() -> None:
    people = [ANNA, Person("Anna Schmidt", client="x"), Person("Juan de la Cruz")]
    assert parts(people, "Müller said") == []
    here = frozenset({"hartmann/HA-10423"})
    assert parts(people, "Müller said", here) == [("Müller", "hartmann/HA-10423", "last")]
    assert parts(people, "müller said", here) == []
    assert parts(people, "Hi Müller", frozenset()) == [("Müller", "hartmann/HA-10423", "last")]
    assert parts(people, "Hi Anna") == [("Anna", "word:anna", "first")], "two are called so"
    assert parts(people, "Hi Anna", here) == [("Anna", "hartmann/HA-10423", "first")]
    assert parts(people, "Hi Cruz") == [("Cruz", "/juan de la cruz", "last")]
    assert parts(people, "hi müller") == [("müller", "hartmann/HA-10423", "last")]
    assert {m.weight for m in DirectoryIndex(people).parts("Hi Anna", fold("Hi Anna"), here)} == {2}


def test_short_names_count_alone_only_with_a_capital() -> None:
    people = [Person("Bo Lee"), Person("X Y")]
    assert parts(people, "Hi Bo") == [("Bo", "/bo lee", "first")]
    assert parts(people, "hi bo") == []
    assert parts(people, "hi lee") == []
    assert parts(people, "Hi X") == [], "one letter is no name"


@pytest.mark.parametrize(
    ("ids", "good", "bad"),
    [
        (
            ["HA-1", "HA-2", "HA-3"],
            ["HA-7", "ha7", "HA 7", "HA/7", "HA.7"],
            ["HA-77", "HB-7", "xHA-7", "HA-7x"],
        ),
        (["12-A", "34-A", "56-A"], ["78-A", "78a"], ["7-A", "78-B"]),
        (["A.B1", "A.B2", "A.B3"], ["A.B9", "AB9"], ["AxB9"]),
    ],
)
def test_the_shape_of_employee_ids_is_learnt(ids: list[str], good: list[str], bad: list[str]) -> None:
    shape = DirectoryIndex([Person(f"P {i}", employee_id=i) for i in ids]).employee_id_shape
    assert shape is not None
    assert all(shape.fullmatch(f"{g}") for g in good)
    assert not any(shape.search(b) for b in bad)


@pytest.mark.parametrize(
    ("ids", "learnt"),
    [
        (["HA-1", "HA-2"], False),  # three make a rule
        (["HA-1", "HA-2", "HA-3"], True),
        (["111", "222", "333"], False),  # digits alone are too common
        (["abc", "abd", "abe"], False),
        ([f"{n}" for n in range(150)] + ["A1", "A2", "A3"], True),
        ([f"{n}" for n in range(197)] + ["A1", "A2", "A3"], False),  # below 2 % it is chance
        ([f"{n}" for n in range(196)] + ["A1", "A2", "A3", "A4"], True),
        ([], False),
    ],
)
def test_a_shape_needs_enough_of_its_kind(ids: list[str], learnt: bool) -> None:
    index = DirectoryIndex([Person(f"P {n}", employee_id=i) for n, i in enumerate(ids)])
    assert (index.employee_id_shape is not None) is learnt


# Shapes and checksums.


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("to DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00"),
        ("DE88370400440532013000", "DE88370400440532013000"),  # mistyped: still somebody's account
        ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
        ("nl91abna0417164300", "nl91abna0417164300"),
        ("DE89-3704.0044\u00a00532 0130 00", "DE89-3704.0044\u00a00532 0130 00"),
        ("XX89370400440532013000", None),
        ("DE89 37 please", None),
        ("DE89370400440532013000x", None),
        ("DE89370400440532013000é", None),
        ("DE89 3704 0044 0532 0130 0", None),
        ("DE89  3704 0044 0532 0130 00", None),
        ("DE89 3704 0044 0532 0130 0 ", None),
        ("LC07HEMMQWERTYUIOPASDFGHJKLQWERT", None),  # letters, and no checksum
    ],
)
def test_ibans(text: str, value: str | None) -> None:
    found = list(ibans(text))
    assert [text[m.start : m.end] for m in found] == ([] if value is None else [value])
    for m in found:
        assert (m.kind, m.weight) == ("iban", 3)
        assert m.canonical == re.sub(r"[^A-Za-z0-9]", "", str(value)).upper()


def test_twelve_digits_make_a_mistyped_iban_and_eleven_do_not() -> None:
    twelve, eleven = "NL11ABNA0417164300", "GB11ABCDEFGHIJKLM12345"
    assert not mod97(twelve)
    assert len(list(ibans(twelve))) == 1
    assert not mod97(eleven)
    assert list(ibans(eleven)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4111 1111 1111 1111", 1),
        ("4111-1111-1111-1111", 1),
        ("4222222222222", 1),  # 13 digits
        ("6304000000000000000", 1),  # 19 digits
        ("411111111116", 0),
        ("4111 1111 1111 1112", 0),
        ("7111 1111 1111 1111", 0),
        ("x4111111111111111", 0),
    ],
)
def test_cards(text: str, found: int) -> None:
    matches = list(cards(text))
    assert len(matches) == found
    for m in matches:
        assert m == Match("card", 0, len(text), digits(text), 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("BIC COBADEFFXXX", "COBADEFFXXX"),
        ("SWIFT: CHASUS33", "CHASUS33"),
        ("COBADEFF is the BIC", "COBADEFF"),
        ("bic cobadeffxxx", None),
        ("swift CHASZZ33", None),
        ("COBADEFF", None),
        ("BIC" + " " * 45 + "COBADEFF", "COBADEFF"),
        ("BIC" + " " * 46 + "COBADEFF", None),
        ("COBADEFF" + " " * 15 + "BIC", "COBADEFF"),
        ("COBADEFF" + " " * 16 + "BIC", None),
    ],
)
def test_bics_stand_near_a_word_for_them(text: str, value: str | None) -> None:
    found = list(bics(text))
    assert [(text[m.start : m.end], m.canonical, m.kind, m.weight) for m in found] == (
        [] if value is None else [(value, value, "bic", 1)]
    )


@pytest.mark.parametrize("country", ["US", "CA", "AU", "IN", "SG", "HK", "JP", "CN", "PH", "ZA", "DE"])
def test_bics_of_countries_without_ibans(country: str) -> None:
    assert len(list(bics(f"BIC ABCD{country}2X"))) == 1


@pytest.mark.parametrize(
    ("text", "country", "found"),
    [
        ("111222333", "NL", ["NL:111222333"]),
        ("111222333", "GB", []),
        ("bsn 111222333", None, ["NL:111222333"]),
        ("111222333 is my bsn", None, ["NL:111222333"]),
        ("bsn" + " " * 45 + "111222333", "GB", ["NL:111222333"]),
        ("bsn" + " " * 46 + "111222333", "GB", []),
        ("111222333" + " " * 15 + "bsn", "GB", ["NL:111222333"]),
        ("111222333" + " " * 16 + "bsn", "GB", []),
        ("AB 12 34 56 C", None, ["GB:AB123456C"]),
        ("ab123456c", None, ["GB:AB123456C"]),
        ("00000001", "PE", []),  # no checksum: a word is needed, whatever the country
        ("1234567890123456", None, [":1234567890123456"]),
        ("20260528123456", None, []),
    ],
)
def test_national_numbers(text: str, country: str | None, found: list[str]) -> None:
    matches = [m for m in national_ids(text, country) if not found or m.canonical in found]
    assert sorted(m.canonical for m in matches if m.canonical in found) == sorted(found)
    if not found:
        assert matches == []
    for m in matches:
        assert (m.kind, m.weight) == ("national_id", 1 if m.canonical.startswith(":") else 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id 12345678 2024-05-01", ("national_id", "12345678")),
        ("id 1234567 89 2024-05-01", ("national_id", "1234567 89")),
        ("id 2024-05-01", None),
        ("id no: 12345", None),
        ("id no: 123456", ("national_id", "123456")),
        ("account 1234567", None),
        ("account 12345678", ("bank_account", "12345678")),
        ("sort code 12-34-5", None),
        ("sort code 12-34-56", ("bank_account", "12-34-56")),
        ("employee no 12", None),
        ("employee no AB-123", ("employee_id", "AB-123")),
        ("born 1 May 1980", ("birth_date", "1 May 1980")),
        ("geboren am 01.02.1990", ("birth_date", "01.02.1990")),
    ],
)
def test_what_a_word_announces_counts_valid_or_not(text: str, expected: tuple[str, str] | None) -> None:
    found = [(m.kind, text[m.start : m.end], m) for m in labelled(text)]
    assert [f[:2] for f in found] == ([] if expected is None else [expected])
    for kind, value, m in found:
        birth = kind == "birth_date"
        assert m.weight == (1 if birth else 2)
        assert m.canonical == (value.lower() if birth else re.sub(r"[^A-Za-z0-9]", "", value).upper())


def test_the_own_checks_know_right_from_wrong() -> None:
    def check(name: str) -> object:
        return check_of(next(r for r in RULES if r.check == f"own.{name}"))

    cases = {
        "es_nss": ("281234567840", "281234567841"),
        "pt_niss": ("11000000007", "11000000006"),
        "hu_taj": ("111111110", "111111111"),
        "eg_nid": ("29001150123456", "29013150123456"),
        "emirates_id": ("784198012345679", "784189912345679"),
        "hkid": ("A1234563", "A1234564"),
        "luhn": ("79927398713", "79927398714"),
    }
    for name, (good, bad) in cases.items():
        assert check(name)(good) is True, name  # type: ignore[operator]
        assert check(name)(bad) is False, name  # type: ignore[operator]
    assert check("eg_nid")("29012310123456")  # type: ignore[operator]
    for wrong in ("29000150123456", "29001000123456", "29001320123456"):
        assert not check("eg_nid")(wrong)  # type: ignore[operator]
    for year, good in ((1900, True), (2100, True), (1899, False), (2101, False)):
        assert check("emirates_id")(f"784-{year}-1234567-9") is good  # type: ignore[operator]
    assert check("hkid")("AB9876543")  # type: ignore[operator]
    assert not check("hkid")("AB9876542")  # type: ignore[operator]


@pytest.mark.parametrize("error", [LookupError, ValueError, TypeError])
def test_a_check_that_stumbles_takes_it_for_a_number(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(text: str) -> bool:
        raise error(text)

    monkeypatch.setattr("stdnum.nl.bsn.is_valid", stumbles)
    assert check_of(Rule("XX", error.__name__, r"\d", "nl.bsn"))("111222334") is True


def test_a_rule_without_a_checksum_takes_anything() -> None:
    assert check_of(Rule("XX", "x", r"\d", ""))("anything") is True
    assert check_of(next(r for r in RULES if r.check == "nl.bsn"))("111222334") is False


def test_a_shape_touches_no_letter_or_digit() -> None:
    pattern = pattern_of(Rule("XX", "x", r"ab\d|c", ""))
    assert [m.group() for m in pattern.finditer("AB1 xab1 ab1x ab12 1c c-c")] == ["AB1", "c", "c"]


def test_digits_and_luhn() -> None:
    assert digits("a1٢ 3-²") == "1٢3"
    assert [n for n in range(100) if luhn(str(n))] == [0, 18, 26, 34, 42, 59, 67, 75, 83, 91]


@pytest.mark.parametrize(
    ("text", "country", "found"),
    [
        ("on +44 20 7946 0958 today", None, ("+44 20 7946 0958", "442079460958")),
        ("0044 20 7946 0958", None, ("0044 20 7946 0958", "442079460958")),
        ("(020) 7946 0958", "GB", ("(020) 7946 0958", "2079460958")),
        ("020 7946 0958", None, None),
        ("tel 12 345 67", "GB", ("12 345 67", "1234567")),
        ("see 12 345 67", "GB", None),
        ("2026-05-28 10:00", "GB", None),
        ("1 234 567 890", "US", None),
        ("call 415 555 267", "US", None),
        ("415 555 2671", "US", ("415 555 2671", "4155552671")),
        ("212.555.100", "US", None),
        ("tel 123456", "GB", None),
        ("tel +44 20 7946 0958 1234", "GB", None),
        ("tel" + " " * 37 + "12 345 67", "GB", ("12 345 67", "1234567")),
        ("tel" + " " * 38 + "12 345 67", "GB", None),
        ("phone +999 1234567", None, ("+999 1234567", "9991234567")),
        ("see +999 1234567", None, None),
        ("call (+49 1512 3456789", "DE", ("+49 1512 3456789", "4915123456789")),
        ("call (0044 20 7946 0958", None, ("0044 20 7946 0958", "442079460958")),
        ("call (0044) 20 7946 0958", None, ("(0044) 20 7946 0958", "442079460958")),
        ("004 915 123 456 789", None, ("004 915 123 456 789", "4915123456789")),
        ("phone 12-12-1212 or 020 7946 0958", "GB", ("020 7946 0958", "2079460958")),
        ("phone 123456-78901234567 or 020 7946 0958", "GB", ("020 7946 0958", "2079460958")),
        ("phone +999 123456789012", None, ("+999 123456789012", "999123456789012")),
        ("phone +999 1234567890123", None, None),
    ],
)
def test_phones(text: str, country: str | None, found: tuple[str, str] | None) -> None:
    matches = [(text[m.start : m.end], m.canonical, m.kind, m.weight) for m in phones(text, country)]
    assert matches == ([] if found is None else [(*found, "phone", 1)])


def test_emails() -> None:
    text = "to J.Doe+pay@Mail.example.org. or @x or a@b or x@y.de!"
    assert list(emails(text)) == [
        Match("email", 3, 29, "j.doe+pay@mail.example.org", 3),
        Match("email", 47, 53, "x@y.de", 3),
    ]
    assert list(emails("nothing here")) == []


@pytest.mark.parametrize(
    ("text", "name", "form"),
    [
        ("Best regards,\nPetra Novak", "Petra Novak", "full"),
        ("Thanks\nPetra", "Petra", "first"),
        ("my name is Petra Novak and", "Petra Novak", "full"),
        ("Mein Name ist Petra", "Petra", "first"),
        ("Mrs Novak", "Novak", "last"),
        ("Mr John van der Berg", "John van der Berg", "full"),
        ("Regards\nPayroll Team\nRegards\nPetra Novak", "Petra Novak", "full"),
        ("Regards\nPayroll Team", None, None),
        ("thanks\npetra", None, None),
    ],
)
def test_guesses(text: str, name: str | None, form: str | None) -> None:
    found = [(text[m.start : m.end], m.form, m.kind, m.weight, m.canonical) for m in guesses(text)]
    assert found == ([] if name is None else [(name, form, "person", -1, f"guess:{key(name)}")])


# Together.


def test_positions_of_stand_ins_follow_the_lengths_before_them() -> None:
    spans_ = (Span("person", 2, 4, "xxxxx"), Span("iban", 6, 10, "y"), Span("bic", 12, 13, "zz"))
    assert Redaction("", spans_).positions() == [(2, 7), (9, 10), (12, 14)]
    assert Redaction("", ()).positions() == []


def test_of_overlapping_matches_the_longest_then_the_best_evidence_stays() -> None:
    long = Match("person", 2, 9, "long")
    weak, strong = Match("phone", 10, 14, "weak", 1), Match("iban", 10, 14, "strong", 3)
    first, second = Match("card", 20, 24, "first", 1), Match("bic", 22, 26, "second", 1)
    inside = Match("bic", 3, 5, "inside", 9)
    before, after = Match("bic", 0, 2, "before"), Match("bic", 9, 10, "after")
    found = settle([second, inside, weak, first, strong, long, after, before])
    assert [m.canonical for m in found] == ["before", "long", "after", "strong", "first"]
    assert settle([]) == []
    assert [m.kind for m in settle([Match("phone", 0, 2, "a"), Match("card", 0, 2, "b")])] == ["card"]
    across = [Match("bic", 0, 3, "a"), Match("bic", 5, 8, "b"), Match("bic", 2, 6, "across", 9)]
    assert [m.canonical for m in settle(across)] == ["across"]


def test_a_redactor_tells_what_it_finds_without_replacing() -> None:
    redactor = Redactor([ANNA], salt=bytes(32))
    text = "Anna Müller, Müller and 111222333"
    assert [(m.kind, text[m.start : m.end]) for m in redactor.find(text, country="NL")] == [
        ("person", "Anna Müller"),
        ("person", "Müller"),
        ("national_id", "111222333"),
    ]
    assert [m.kind for m in redactor.find("111222333")] == []


def test_who_is_named_beside_is_known_here() -> None:
    redactor = Redactor([ANNA], salt=bytes(32))
    assert redactor.redact("Müller asks").text == "Müller asks"
    assert redactor.redact("Müller asks", beside=["x", "about Anna Müller"]).text != "Müller asks"
    assert redactor.redact("Müller asks", beside=["about A. Müller"]).text != "Müller asks"
    assert redactor.redact("Müller asks", beside=["Frau Müller"]).text == "Müller asks", "a part is no name"


def test_a_tickets_country_switches_its_numbers_on_in_both_texts() -> None:
    redactor = Redactor([ANNA], salt=bytes(32))
    ticket = Ticket("1", "no 111222333", "of 111222333, Müller", country="NL")
    redacted, summary, description = redactor.redact_ticket(ticket)
    assert [s.kind for s in (*summary.spans, *description.spans)] == ["national_id"] * 2
    assert (redacted.summary, redacted.description) == (summary.text, description.text)
    assert redacted.summary[3:] == redacted.description[3:12], "one value, one stand-in"
    other = redactor.redact_ticket(Ticket("1", "Müller", "Anna Müller"))
    assert len(other[1].spans) == 1, "who is named below is known above"


def test_an_address_of_the_directory_goes_to_its_person() -> None:
    redactor = Redactor([ANNA], salt=bytes(32))
    name = redactor.redact("Anna Müller").text
    local = redactor.redact("a.m@hartmann.example").text.partition("@")[0]
    assert local == ".".join(re.sub("[^a-z]", "", key(w)) for w in name.split())


def test_an_employee_id_of_the_learnt_shape_is_found() -> None:
    people = [Person(f"Person {n}x", employee_id=f"HA-{n}") for n in range(101, 105)]
    redactor = Redactor(people, salt=bytes(32))
    (match,) = redactor.find("see ha 999 now")
    assert (match.kind, match.start, match.end, match.canonical, match.weight) == (
        "employee_id",
        4,
        10,
        "HA999",
        3,
    )
