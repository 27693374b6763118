"""`$FIRSTLINE_HOME/mapping.toml`: the mapping as a file.

Its own file and not a table of `firstline.toml`, because it is written by a program: `firstline.toml` is
a person's, with their comments and perhaps the token, and no writer would keep the one or touch the other
without risk.
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from data.errors import SettingsError
from data.mapping import TrackerMapping, as_tables, from_tables

MAPPING_NAME = "mapping.toml"
_HEAD = """\
# How this tracker names what Firstline means; written by `firstline connect --write`.
# Keys are Firstline's, texts are the tracker's. Of a list the first is written, every one is read.
"""


def load_mapping(home: Path) -> TrackerMapping:
    """Return the mapping of `home`, the default one where there is no file. Raises `SettingsError`."""
    path = home / MAPPING_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return TrackerMapping()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", remedy="Correct or remove the file.") from None
    try:
        return from_tables(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}", remedy="Correct that line.") from None
    except SettingsError as error:
        raise SettingsError(f"{path}: {error.message}", remedy=error.remedy) from None


def save_mapping(home: Path, mapping: TrackerMapping, now: datetime) -> Path | None:
    """Replace the mapping of `home` in one step; return where the former one was put, if there was one.

    Whoever reads meanwhile sees the old file or the new one. Nothing happens where both are the same.
    """
    path = home / MAPPING_NAME
    text = render(mapping)
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    if before == text:
        return None
    home.mkdir(parents=True, exist_ok=True)
    backup = None
    if before is not None:
        backup = _free(path.with_name(f"{MAPPING_NAME}.{now:%Y%m%dT%H%M%SZ}"))
        _write(backup, before)
    _write(path, text)
    return backup


def render(mapping: TrackerMapping) -> str:
    """Return the text of the file; reading it gives `mapping` again."""
    return _HEAD + "".join(_lines(as_tables(mapping), ()))


def _lines(table: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {k: v for k, v in table.items() if not isinstance(v, dict)}
    if path and (plain or not table):
        yield f"\n[{'.'.join(_key(p) for p in path)}]\n"
    for key, value in plain.items():
        yield f"{_key(key)} = {_value(value)}\n"
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _lines(value, (*path, key))


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _text(key)


def _value(value: str | list[str]) -> str:
    return _text(value) if isinstance(value, str) else "[" + ", ".join(_text(v) for v in value) + "]"


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _free(path: Path) -> Path:
    taken, number = path, 1
    while taken.exists():
        number += 1
        taken = path.with_name(f"{path.name}-{number}")
    return taken


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
