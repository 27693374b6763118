"""Stand-ins, one kind after the other: shaped like the value, never the value, always the same."""

from __future__ import annotations

import hashlib
import hmac
import random
import re
from typing import Any

import pytest

from data.redact import surrogates as module
from data.redact.folding import key
from data.redact.identifiers import mod97
from data.redact.national import RULES, check_of, luhn, pattern_of
from data.redact.span import Match
from data.redact.surrogates import Surrogates

SALT = bytes(range(32))
NAMES = module._lists()


def made(taken: frozenset[str] = frozenset()) -> Surrogates:
    return Surrogates(SALT, taken)


def stand_in(kind: Any, original: str, canonical: str = "c", *, taken: Any = frozenset(), **more: Any) -> str:
    match = Match(kind, 0, 0, canonical, 0, more.pop("form", ""))
    return made(taken).surrogate(match, original, more.pop("who", "w"), more.pop("name", "n"))


def test_a_salt_has_16_bytes_at_least() -> None:
    assert Surrogates(bytes(16), frozenset())
    with pytest.raises(ValueError, match="16 bytes"):
        Surrogates(bytes(15), frozenset())


def test_the_choice_is_keyed_by_the_salt_alone() -> None:
    """Drawn again here: HMAC over kind and value, so nobody without the salt can test a guess."""
    digest = hmac.new(SALT, b"person\x1fw", hashlib.sha256).digest()
    rng = random.Random(int.from_bytes(digest))
    assert stand_in("person", "Anna Müller") == f"{rng.choice(NAMES['first'])} {rng.choice(NAMES['last'])}"
    other = Surrogates(bytes(32), frozenset()).surrogate(Match("person", 0, 0, "c"), "Anna Müller", "w", "n")
    assert other != stand_in("person", "Anna Müller")


def test_a_name_is_written_as_the_original_was() -> None:
    first, last = stand_in("person", "Anna Müller").split()
    for form, text in (
        ("full", f"{first} {last}"),
        ("", f"{first} {last}"),
        ("last_first", f"{last} {first}"),
        ("last_comma_first", f"{last}, {first}"),
        ("initial_last", f"{first[0]}. {last}"),
        ("first_initial", f"{first} {last[0]}."),
        ("first", first),
        ("last", last),
    ):
        assert stand_in("person", "Anna Müller", form=form) == text
    assert stand_in("person", "ANNA MÜLLER") == f"{first} {last}".upper()
    assert stand_in("person", "anna müller") == f"{first} {last}".lower()
    assert stand_in("person", "AM", form="first") == first, "two capitals are initials, not shouting"
    assert stand_in("person", "ANN", form="first") == first.upper()


def test_no_part_of_the_real_name_and_nobody_of_the_directory() -> None:
    first, last = stand_in("person", "x").split()
    for real in (key(first), key(last), f"{key(first)} smith", f"de-{key(last)}"):
        assert not {key(w) for w in stand_in("person", "x", name=real).split()} & set(re.split(r"[ -]", real))
    taken = frozenset({key(f"{first} {last}")})
    assert stand_in("person", "x", taken=taken) != f"{first} {last}"


def test_where_every_name_is_taken_the_last_draw_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {**NAMES, "first": ["Ann"], "last": ["Lee"]}
    monkeypatch.setattr(module, "_lists", lambda: lists)
    assert stand_in("person", "X y", name="ann lee") == "Ann Lee"


def test_a_mail_address_belongs_to_the_stand_in_of_its_person() -> None:
    first, last = stand_in("person", "x").split()
    mail = stand_in("email", "anna@x.example", "anna@x.example")
    assert mail.partition("@")[0] == re.sub("[^a-z.]", "", f"{key(first)}.{key(last)}")
    same = stand_in("email", "jo@x.example", "jo@x.example", who="other")
    assert same.partition("@")[2] == mail.partition("@")[2], "one domain, one stand-in"
    assert mail.partition("@")[2] in NAMES["domains"]
    domains = {stand_in("email", "", f"a@{n}.example").partition("@")[2] for n in range(30)}
    assert len(domains) > 3


def test_mail_addresses_hold_letters_only(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {**NAMES, "first": ["Zoë-Ann"], "last": ["O'Neil"]}
    monkeypatch.setattr(module, "_lists", lambda: lists)
    assert stand_in("email", "a@b.c", "a@b.c").startswith("zoeann.oneil@")


def test_an_address_is_one_and_not_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    text = stand_in("address", "Weg 1", "weg 1")
    number, street, post, city = re.fullmatch(r"(\d+) (.+), (\d{5}) (.+)", text).groups()  # type: ignore[union-attr]
    assert street in NAMES["streets"]
    assert city in NAMES["cities"]
    assert 1 <= int(number) < 180
    assert 10000 <= int(post) < 99999
    for real in (key(street), key(city)):
        other = stand_in("address", "x", f"{real} 1")
        assert real not in key(other)
    monkeypatch.setattr(module, "_lists", lambda: {**NAMES, "streets": ["Weg"], "cities": ["Ort"]})
    assert re.fullmatch(r"\d+ Weg, \d{5} Ort", stand_in("address", "x", "weg ort")), (
        "better than the real one"
    )


def test_street_and_city_are_avoided_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "_lists", lambda: {**NAMES, "streets": ["Weg", "Pfad"], "cities": ["Ort", "Dorf"]}
    )
    for n in range(20):
        text = stand_in("address", "x", f"weg {n} dorf")
        assert ("Pfad" in text, "Ort" in text) == (True, True)


def test_a_birth_date_keeps_its_form() -> None:
    for original, form in (
        ("12/05/1987", r"(0[1-9]|1[0-2])/(0[1-9]|1[0-2])/(19[5-9]\d|200[0-3])"),
        ("1.2.87", r"([1-9]|1[0-2])\.([1-9]|1[0-2])\.(0[1-9]|1[0-2])"),
        ("1987", r"19[5-9]\d|200[0-3]"),
    ):
        found = {stand_in("birth_date", original, f"{original}{n}") for n in range(40)}
        assert all(re.fullmatch(form, f) for f in found), found
        assert original not in found
        assert len(found) > 5


def test_years_of_birth_are_those_of_people_who_work() -> None:
    years = {int(stand_in("birth_date", "1987", f"{n}")) for n in range(400)}
    assert (min(years), max(years)) == (1955, 2003)
    months = {stand_in("birth_date", "07", f"{n}") for n in range(200)}
    assert months == {f"{m:02d}" for m in range(1, 13)} - {"07"}


@pytest.mark.parametrize(
    ("kind", "original"),
    [
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "de89370400440532013000"),
        ("card", "4111-1111-1111-1111"),
        ("phone", "+49 1512 3456789"),
        ("phone", "(020) 7946 0958"),
        ("bank_account", "12-34-56"),
        ("bic", "COBADEFFXXX"),
        ("employee_id", "HA-10423"),
        ("national_id", "AB 12 34 56 C"),
        ("national_id", "ab123456c"),
    ],
)
def test_a_number_keeps_its_shape_and_nothing_of_its_value(kind: Any, original: str) -> None:
    found = stand_in(kind, original, original)
    shape = re.sub(r"\d", "0", original)
    letters = re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", shape))
    assert re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", found))) == letters
    assert found != original
    assert stand_in(kind, original, original) == found


def test_what_says_nothing_about_the_person_stays() -> None:
    for n in range(30):
        assert stand_in("iban", "DE89370400440532013000", f"{n}")[:2] == "DE"
        assert stand_in("phone", "+49 1512 3456789", f"{n}")[:3] == "+49"
        assert stand_in("phone", "(+49) 1512 345678", f"{n}")[:4] == "(+49"
        assert stand_in("card", "4111111111111111", f"{n}")[0] == "4"
        assert stand_in("national_id", "784-1980-1234567-9", f"AE:784{n}")[:3] == "784"
        assert stand_in("employee_id", "HA-10423", f"{n}")[:3] == "HA-"
    assert len({stand_in("phone", "020 7946 0958", f"{n}")[:2] for n in range(30)}) > 5
    assert len({stand_in("card", "4111111111111111", f"{n}")[1] for n in range(30)}) > 3
    assert len({stand_in("iban", "DE89370400440532013000", f"{n}")[4] for n in range(30)}) > 3
    assert len({stand_in("phone", "+49 1512 3456789", f"{n}")[4] for n in range(30)}) > 3
    assert len({stand_in("national_id", "784198012345679", f"AE:784{n}")[7] for n in range(30)}) > 3
    assert len({stand_in("national_id", "784198012345679", f"SA:{n}")[:3] for n in range(30)}) > 5
    assert len({stand_in("bank_account", "784198012345679", f"AE:784{n}")[:3] for n in range(30)}) > 5


def test_a_valid_number_gets_a_valid_one() -> None:
    for n in range(20):
        assert mod97(stand_in("iban", "DE89370400440532013000", f"{n}"))
        assert luhn(stand_in("card", "4111111111111111", f"{n}"))
    for original, country in (
        ("111222333", "NL"),
        ("54362315-K", "ES"),
        ("536-22-1234", "US"),
        ("390.533.447-05", "BR"),
    ):
        rule = next(r for r in RULES if r.country == country and pattern_of(r).fullmatch(original))
        found = stand_in("national_id", original, f"{country}:x")
        assert pattern_of(rule).fullmatch(found)
        assert check_of(rule)(re.sub(r"[^A-Za-z0-9]", "", found).upper()), (original, found)


def test_a_number_of_no_rule_gets_any_of_its_shape() -> None:
    for canonical in ("XX:1", "NL", ":12345678", "long:1"):
        assert re.fullmatch(r"\d{8}", stand_in("national_id", "12345678", canonical))
    assert re.fullmatch(r"\d\d", stand_in("national_id", "12", "NL:12"))


def test_every_spelling_of_a_value_gets_the_same_characters() -> None:
    spellings = ["HA-10423", "HA 10423", "HA10423", "ha10423"]
    found = {re.sub(r"[^a-z0-9]", "", stand_in("employee_id", s, "HA10423").lower()) for s in spellings}
    assert len(found) == 1
    assert stand_in("employee_id", "ha10423", "HA10423").islower()


def test_a_value_of_the_directory_is_never_a_stand_in() -> None:
    free = stand_in("employee_id", "A-7", "A7")
    other = stand_in("employee_id", "A-7", "A7", taken=frozenset({free.replace("-", "").lower()}))
    assert other != free
    digits = {stand_in("employee_id", "A-7", f"{n}")[-1] for n in range(100)}
    assert digits == set("0123456789") - {"7"}


def test_where_no_draw_is_good_the_last_still_hides_the_value() -> None:
    everything = frozenset(f"a{n}" for n in range(10))
    assert re.fullmatch(r"A-\d", stand_in("employee_id", "A-7", "A7", taken=everything))


def test_as_many_draws_as_it_takes_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def draw() -> str:
        drawn.append(1)
        return str(len(drawn))

    assert Surrogates._until(draw, lambda text: text == "5") == "5"
    assert len(drawn) == 5
    drawn.clear()
    Surrogates._until(draw, lambda text: False)
    assert len(drawn) == module._SHAPE_TRIES + 1


def test_letters_are_drawn_where_they_carry_the_value() -> None:
    found = {stand_in("bic", "COBADEFF", f"{n}") for n in range(60)}
    used = set("".join(found))
    assert used == set("ABCDEFGHJKLMNPRSTUVWXYZ"), "no letter that is taken for a digit"
    assert all(stand_in("employee_id", "HA-1", f"{n}")[:2] == "HA" for n in range(9))


def test_an_ibans_check_digits_fit() -> None:
    assert module._iban_checked("DE00370400440532013000") == "DE89370400440532013000"
    assert module._iban_checked("GB00NWBK60161331926819") == "GB29NWBK60161331926819"
    found = {module._iban_checked(f"DE00{n:018d}")[2:4] for n in range(300)}
    assert all(len(f) == 2 for f in found)
    assert "02" in found or "03" in found


def test_characters_are_poured_into_the_form() -> None:
    assert module._poured("XY9", "a b-1") == "x y-9"
    assert module._poured("XY9", "A b-1") == "X Y-9"
    assert module._poured("XY9", "Aéb-1") == "XéY-9"
    assert module._shape("Ab1-2") == "aa0-0"
