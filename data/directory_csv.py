"""Reading a client's directory of people from a CSV file (an export of its HR system)."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from data.errors import BadInputError
from data.redact.directory import Person

COLUMNS = ("name", "email", "employee_id", "phone", "iban", "national_id", "address")
_REMEDY = f"Export it as UTF-8 CSV with the header {','.join(COLUMNS)} (only name is required)."


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that was left out: its number in the file (1 is the header) and why."""

    line: int
    what: str


def read_people(path: Path, client: str) -> tuple[list[Person], list[Problem]]:
    """Read the file; return the people and the lines left out.

    Columns may come in any order, unknown ones are ignored. Raises `BadInputError` where the file is not
    CSV with a `name` column at all.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInputError(f"{path} does not exist.", remedy="Give the path of a CSV file.") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{path} is not UTF-8 text.", remedy=_REMEDY) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    people: list[Person] = []
    problems: list[Problem] = []
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(Problem(line, f"not CSV: {error}"))
            continue
        if header is None:
            header = [cell.strip().lower() for cell in row]
            if "name" not in header:
                raise BadInputError(f"{path} has no column `name` in its first line.", remedy=_REMEDY)
        elif row:
            person = _person(header, row, client)
            people.append(person) if isinstance(person, Person) else problems.append(Problem(line, person))
    if header is None:
        raise BadInputError(f"{path} is empty.", remedy=_REMEDY)
    return people, problems


def _person(header: list[str], row: list[str], client: str) -> Person | str:
    if len(row) != len(header):
        return f"{len(row)} values for {len(header)} columns"
    cells = {k: v.strip() for k, v in zip(header, row, strict=True) if k in COLUMNS}
    if not cells["name"]:
        return "the name is empty"
    if any("\x00" in v for v in cells.values()):
        return "it has a NUL character"
    return Person(client=client, **cells)
