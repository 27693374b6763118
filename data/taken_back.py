"""Labels of ours that a person took back: nothing is learnt from them. Pure.

A ticket can close with a value that we wrote and a person undid: the undo still waits, or the tracker
refused it. What counts as the desk's label is the last value that a person set or confirmed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from data.ticket import TicketRecord

FieldValues = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What people said about our values on one ticket; fields and values by the tracker's names.

    `rejected`: what they took back, `confirmed`: what they asked us to write and did not take back; each
    with its moment by our clock.
    """

    rejected: Sequence[tuple[datetime, FieldValues]] = ()
    confirmed: Sequence[tuple[datetime, FieldValues]] = ()


def taken_back(
    record: TicketRecord, verdicts: Verdicts, fields: Collection[str], machines: Collection[str]
) -> bool:
    """Tell whether one of `fields` holds a value of ours that a person took back and nobody confirmed.

    `machines` are the logins of service accounts. The last change of a field tells whose its value is:
    one by a person is a label, whatever was undone before.
    """
    held = dict(record.fields)
    return any(n in held and _ours_again(record, verdicts, n, held[n], machines) for n in fields)


def _ours_again(
    record: TicketRecord, verdicts: Verdicts, name: str, value: str, machines: Collection[str]
) -> bool:
    rejected = [at for at, values in verdicts.rejected if values.get(name) == value]
    if not rejected:
        return False
    changes = [c for c in record.changes if c.kind == "field" and c.field == name]
    if changes and max(changes, key=lambda c: c.at).author not in machines:
        return False
    return not any(at >= max(rejected) and values.get(name) == value for at, values in verdicts.confirmed)
