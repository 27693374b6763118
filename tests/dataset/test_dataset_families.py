"""Near-duplicate families and the splits that rest on them."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from data.dataset.build import redactors
from data.dataset.families import families
from data.dataset.rows import BESIDE_AUDITED, FAMILY_CAP, Row, rows_from
from data.dataset.splits import CALIBRATION, FAMILY_CAP_ROWS, SPLITS, TEST, TRAIN, split
from data.redact.directory import Person
from data.taxonomy import load_taxonomy
from data.ticket import TicketRecord


def test_copies_of_one_text_are_one_family_and_different_texts_are_not(
    history: list[TicketRecord], people: tuple[Person, ...]
) -> None:
    taxonomy = load_taxonomy()
    found, _ = rows_from(history, taxonomy=taxonomy, redactor_of=redactors(people, bytes(32)))
    names = families([c.masked for c in found])
    # `history` holds 30 texts with 5 copies each, in order.
    groups = [names[i : i + 5] for i in range(0, len(names), 5)]
    assert all(len(set(g)) == 1 for g in groups)
    assert len({g[0] for g in groups}) == 30


def test_families_do_not_depend_on_the_order_of_the_texts() -> None:
    rng = random.Random(3)
    texts = [
        f"the {rng.choice('abcdefgh') * 4} report number 0 is {rng.choice('klmn') * 3}" for _ in range(60)
    ]
    named = dict(zip(texts, families(texts), strict=True))
    shuffled = rng.sample(texts, len(texts))
    assert families(shuffled) == [named[t] for t in shuffled]


def test_odd_texts_are_their_own_families() -> None:
    assert families([]) == []
    assert len(set(families(["", "?", "!!", "word"]))) == 4
    assert len(set(families(["?", "??", "..."]))) == 3


def test_a_chain_of_near_duplicates_is_one_family() -> None:
    base = [
        "please",
        "send",
        "the",
        "payslip",
        "of",
        "last",
        "month",
        "to",
        "my",
        "private",
        "mail",
        "address",
        "because",
        "i",
        "left",
    ]
    chain = [" ".join(base[i:]) for i in range(3)]
    assert len(set(families([*chain, "an unrelated question about the garden"]))) == 2


def test_8000_different_texts_take_less_than_10_seconds() -> None:
    rng = random.Random(1)
    words = [f"w{i}" for i in range(3000)]
    weights = [1 / (i + 1) for i in range(3000)]
    texts = [" ".join(rng.choices(words, weights, k=28)) for _ in range(8000)]
    start = time.process_time()
    assert len(families(texts)) == 8000
    assert time.process_time() - start < 10


_rows = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.sampled_from(["a", "b"])), min_size=1, max_size=60
)


@given(_rows)
def test_no_family_is_on_two_sides_and_every_row_is_accounted_for(
    specification: list[tuple[int, bool, str]],
) -> None:
    example = _example()
    rows = [
        replace(example, ticket_id=f"2-{i}", family=f"f{family}", audited=audited, issue_type=label)
        for i, (family, audited, label) in enumerate(specification)
    ]
    kept, left_out = split(rows)
    assert Counter([*(r.ticket_id for r in kept), *(e.ticket_id for e in left_out)]) == Counter(
        r.ticket_id for r in rows
    )
    sides = defaultdict(set)
    for row in kept:
        sides[row.family].add(row.split)
        assert row.split in SPLITS
        assert row.audited == (row.split in (CALIBRATION, TEST))
    assert all(len(s) == 1 for s in sides.values())
    training = Counter(r.family for r in kept if r.split == TRAIN)
    assert all(n <= FAMILY_CAP_ROWS for n in training.values())
    assert {e.reason for e in left_out} <= {FAMILY_CAP, BESIDE_AUDITED}
    assert split(rows[::-1])[0] == kept


def test_audited_families_are_halved() -> None:
    rows = [replace(_example(), ticket_id=f"2-{i}", family=f"f{i}", audited=True) for i in range(400)]
    sides = Counter(r.split for r in split(rows)[0])
    assert 160 <= sides[CALIBRATION] <= 240
    assert sides[CALIBRATION] + sides[TEST] == 400


def test_copies_that_disagree_are_kept(
    record: Callable[..., TicketRecord], people: tuple[Person, ...]
) -> None:
    text = "Payslip for {month} is not in the portal for {name}. Please help, we need it for the bank."
    records = [record(1, text, "payslip_missing"), record(2, text, "payslip_copy_request")]
    found, _ = rows_from(records, taxonomy=load_taxonomy(), redactor_of=redactors(people, bytes(32)))
    names = families([c.masked for c in found])
    kept, _ = split([replace(c.row, family=f) for c, f in zip(found, names, strict=True)])
    assert len({r.family for r in kept}) == 1
    assert [r.issue_type for r in kept] == ["payslip_missing", "payslip_copy_request"]


def _example() -> Row:
    from datetime import UTC, datetime

    return Row(
        "2-1", "acme", "DE", "en", "t", "t", "", "payslip_missing", "normal", "payslips_documents",
        "payroll-ops", False, datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
