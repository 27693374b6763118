"""One file of the knowledge base, split and read so that every entry keeps its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from kb.problem import DocumentsError, Problem

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser, where PyYAML was built with it
_FRONT_MATTER = re.compile(r"\A---\n(.*?)^---\n(.*)\Z", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """`lines` maps an entry's path (`applies_to.clients`, `checks.0.read`) to its line in the file."""

    path: Path
    raw: Mapping[str, Any]
    lines: Mapping[str, int]
    body: str = ""
    body_line: int = 1

    def line_of(self, entry: str) -> int:
        """Return the line of an entry, or that of the nearest entry around it."""
        while entry and entry not in self.lines:
            entry = entry.rpartition(".")[0]
        return self.lines.get(entry, 1)

    def line_of_text(self, words: str) -> int:
        """Return the line on which `words` first stand in the body (the body's first line if nowhere)."""
        at = self.body.find(words)
        return self.body_line + (self.body.count("\n", 0, at) if at >= 0 else 0)


def read_text(path: Path) -> str:
    """Return a file's text with plain line ends. Raises `DocumentsError` for bytes that are not UTF-8."""
    try:
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _refused(path, 1, "the file is not UTF-8", "Save it as UTF-8.") from None


def markdown_document(path: Path, text: str) -> Document:
    """Split an article into front matter and body. Raises `DocumentsError`."""
    parts = _FRONT_MATTER.match(text.replace("\r\n", "\n"))
    if parts is None:
        raise _refused(
            path, 1, "there is no front matter", "Begin with a line ---, the entries, and a line --- again."
        )
    raw, lines = _mapping(path, parts.group(1), first_line=2, what="the front matter")
    head, body = parts.group(1), parts.group(2)
    start = 3 + head.count("\n") + (len(body) - len(body.lstrip("\n")))
    return Document(path, raw, lines, body.strip(), start)


def yaml_document(path: Path, text: str) -> Document:
    """Read a pattern's file. Raises `DocumentsError`."""
    raw, lines = _mapping(path, text, first_line=1, what="the file")
    return Document(path, raw, lines)


def _mapping(path: Path, text: str, *, first_line: int, what: str) -> tuple[dict[str, Any], dict[str, int]]:
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        raw = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = first_line + (mark.line if mark is not None else 0)
        said = getattr(error, "problem", None) or "it cannot be read"
        raise _refused(path, line, f"{what} is not YAML: {said}", "Correct the YAML at this line.") from None
    except (ValueError, TypeError) as error:
        raise _refused(
            path, first_line, f"{what} cannot be read: {error}", "Correct the value that YAML cannot make."
        ) from None
    finally:
        loader.dispose()
    if not isinstance(raw, dict) or node is None:
        raise _refused(path, first_line, f"{what} is not a mapping", "Write entries as `name: value`.")
    lines: dict[str, int] = {}
    for entry, line in _entries(node, ""):
        if entry in lines:
            raise _refused(
                path,
                line + first_line,
                f"{entry} is given twice",
                "Keep one of the two: YAML takes the last.",
            )
        lines[entry] = line + first_line
    return cast(dict[str, Any], raw), lines


def _entries(node: yaml.Node, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield every entry's path with its line, counted from 0."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = f"{prefix}{key.value}"
            yield path, key.start_mark.line
            yield from _entries(value, f"{path}.")
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield f"{prefix}{number}", item.start_mark.line
            yield from _entries(item, f"{prefix}{number}.")


def _refused(path: Path, line: int, what: str, remedy: str) -> DocumentsError:
    return DocumentsError([Problem(str(path), line, what, remedy)])
