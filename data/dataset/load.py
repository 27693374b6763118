"""Reading datasets back, verified."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data.dataset.answers import Answer
from data.dataset.canonical import COLUMNS, answers_from_table, content_hash, from_table
from data.dataset.manifest import ANSWERS_NAME, MANIFEST_NAME, ROWS_NAME, SHORT, Manifest, read_manifest
from data.errors import BadInputError

_REMEDY = "Restore it from a backup, or delete its directory and run `firstline data build`."


@dataclass(frozen=True)
class Dataset:
    """One verified dataset version. `table` is a `datasets.Dataset`; see `rows.Row` for the columns.

    `answers` are the desk's own texts about what tickets were about; see `answers.Answer`.
    """

    path: Path
    manifest: Manifest
    table: Any
    answers: tuple[Answer, ...]

    def split(self, name: str) -> Any:
        """Return the rows of `train`, `calibration` or `test` as a `datasets.Dataset`."""
        return self.table.select([i for i, s in enumerate(self.table["split"]) if s == name])

    def to_pandas(self) -> Any:
        """Return all rows as a `pandas.DataFrame`, ordered by ticket id."""
        return self.table.to_pandas()

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Ticket id -> why it was left out."""
        import pyarrow.parquet as pq

        table = pq.read_table(self.path / "excluded.parquet")
        return dict(zip(table["ticket_id"].to_pylist(), table["reason"].to_pylist(), strict=True))


def load(path: Path) -> Dataset:
    """Read the dataset in directory `path`.

    Verifies every file against the manifest and the content hash against the rows. Raises `BadInputError`
    naming the file that is missing or not what was written.
    """
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifest = read_manifest(path)
    contents = {name: _verified(path / name, facts) for name, facts in manifest.files.items()}
    try:
        table = pq.read_table(io.BytesIO(contents[ROWS_NAME]))
        rows = from_table(table)
        answers = answers_from_table(pq.read_table(io.BytesIO(contents[ANSWERS_NAME])))
    except (KeyError, TypeError, pa.ArrowException) as error:
        raise BadInputError(f"The tables in {path} are not readable: {error}", remedy=_REMEDY) from None
    if content_hash(rows, answers, manifest.versions) != manifest.hash or path.name not in (
        manifest.id,
        manifest.hash,
    ):
        raise BadInputError(
            f"{path / MANIFEST_NAME} does not belong to the rows beside it (hash mismatch).", remedy=_REMEDY
        )
    in_memory = datasets.table.InMemoryTable(table.select(list(COLUMNS)))
    table_read = datasets.Dataset(in_memory, fingerprint=manifest.id)
    return Dataset(path, manifest, table_read, tuple(answers))


def _verified(path: Path, facts: Any) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.", remedy=_REMEDY) from None
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise BadInputError(f"{path} was changed or damaged (hash mismatch).", remedy=_REMEDY)
    return content


def list_datasets(directory: Path) -> list[Manifest]:
    """Return the manifests of all datasets in `directory`, oldest first; damaged ones are left out."""
    found = []
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        if len(path.name) != SHORT or path.name.startswith("."):
            continue
        try:
            found.append(read_manifest(path))
        except BadInputError:
            continue
    return sorted(found, key=lambda m: (m.created, m.id))


def resolve(directory: Path, reference: str) -> Path:
    """Return the dataset's directory: `reference` is `latest`, an id, a hash, or the start of one.

    Raises `BadInputError` where there is none or more than one.
    """
    known = list_datasets(directory)
    if reference == "latest" and known:
        return directory / known[-1].id
    matching = [m for m in known if m.hash.startswith(reference)] if reference else []
    if len(matching) == 1:
        return directory / matching[0].id
    what = "is ambiguous" if matching else "does not exist"
    names = ", ".join(m.id for m in known[-5:])
    raise BadInputError(
        f"The dataset {reference!r} {what} in {directory}.",
        remedy="Run `firstline data build`" + (f", or name one of: {names}." if names else "."),
    )
