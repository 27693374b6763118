"""Taps: everything the suite's programs say passes `see(output, text)`, in this process and from children.

Children's files (logs, stores) are read at the end by `canary_places`.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any
from unittest import mock

import click.testing
import httpx
import httpx2
import pytest
import typer.testing

from data.errors import FirstlineError

See = Callable[[str, str], None]
LIBRARIES: tuple[Any, ...] = (httpx, httpx2)
"""Starlette's test client speaks through the second."""


class Taps:
    """Opens the taps for a session; `close` puts everything back as it was."""

    def __init__(self, see: See) -> None:
        self._see, self._undo = see, ExitStack()
        _children(see, self._undo)
        _captured(see, self._undo)
        _answers(see, self._undo)
        _errors(see, self._undo)

    def close(self) -> None:
        self._undo.close()


class LogTap(logging.Handler):
    """Sees every record, tracebacks included."""

    def __init__(self, see: See) -> None:
        super().__init__(logging.DEBUG)
        self._see = see
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        # A record with wrong arguments is not this tap's business.
        with suppress(TypeError, ValueError):
            self._see(f"log of {record.name}", self.format(record))


class _Pipe:
    """A child's output that is seen by the way."""

    def __init__(self, inner: Any, seen: Callable[[Any], None]) -> None:
        self._inner, self._seen = inner, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Any:
        return iter(self.readline, self._inner.read(0))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.close()

    def read(self, *args: Any) -> Any:
        return self._told(self._inner.read(*args))

    def readline(self, *args: Any) -> Any:
        return self._told(self._inner.readline(*args))

    def readlines(self) -> list[Any]:
        return list(self)

    def _told(self, got: Any) -> Any:
        self._seen(got)
        return got


def text_of(got: Any) -> str:
    """Return what a program said as text; bytes one to one where they are not UTF-8."""
    if isinstance(got, bytes):
        return got.decode("utf-8", "replace")
    return got if isinstance(got, str) else ""


def _program(args: Any) -> str:
    """Return what a child is called: its program and first words, without code or values."""
    words = str(args).split() if isinstance(args, str | bytes) else [str(a) for a in args]
    shown = [words[0].rpartition("/")[2], *words[1:3]]
    return " ".join(w for w in shown if len(w) < 30 and " " not in w and "=" not in w and "(" not in w)


def _children(see: See, undo: ExitStack) -> None:
    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, args: Any, *more: Any, **options: Any) -> None:
            super().__init__(args, *more, **options)
            self._told = f"output of `{_program(args)}`"
            if self.stdout is not None:
                self.stdout = _Pipe(self.stdout, self._seen)  # type: ignore[assignment]
            if self.stderr is not None:
                self.stderr = _Pipe(self.stderr, self._seen)  # type: ignore[assignment]

        def communicate(self, *args: Any, **options: Any) -> Any:
            out, err = super().communicate(*args, **options)
            self._seen(out)
            self._seen(err)
            return out, err

        def _seen(self, got: Any) -> None:
            see(self._told, text_of(got))

    undo.enter_context(mock.patch.object(subprocess, "Popen", Watched))


def _captured(see: See, undo: ExitStack) -> None:
    def wrapped(kind: type, name: str, said: Callable[[Any], str], output: Callable[..., str]) -> None:
        inner = getattr(kind, name)

        def tapped(self: Any, *args: Any, **options: Any) -> Any:
            result = inner(self, *args, **options)
            see(output(*args), said(result))
            return result

        undo.enter_context(mock.patch.object(kind, name, tapped))

    def both(result: Any) -> str:
        return f"{text_of(result.out)}\n{text_of(result.err)}"

    wrapped(pytest.CaptureFixture, "readouterr", both, lambda: "what a test captured")
    for runner in (click.testing.CliRunner, typer.testing.CliRunner):
        wrapped(runner, "invoke", lambda r: f"{r.output}\n{r.exception!r}", _command)


def _command(_application: Any, args: Any = None, *_more: Any) -> str:
    words = [str(a) for a in args or [] if not str(a).startswith("-")]
    return f"what `{' '.join(words[:2])}` said"


def _answers(see: See, undo: ExitStack) -> None:
    def tell(response: Any) -> None:
        kind = response.headers.get("content-type", "")
        path = response.request.url.path
        if response.is_closed and ("problem+json" in kind or path.endswith("/metrics")):
            see(f"answer of {path}", response.text)

    def tapped(client: Any) -> None:
        inner = client.send

        def send(self: Any, request: Any, **options: Any) -> Any:
            response = inner(self, request, **options)
            tell(response)
            return response

        undo.enter_context(mock.patch.object(client, "send", send))

    def tapped_async(client: Any) -> None:
        inner = client.send

        async def send(self: Any, request: Any, **options: Any) -> Any:
            response = await inner(self, request, **options)
            tell(response)
            return response

        undo.enter_context(mock.patch.object(client, "send", send))

    for library in LIBRARIES:
        tapped(library.Client)
        tapped_async(library.AsyncClient)


def _errors(see: See, undo: ExitStack) -> None:
    inner = FirstlineError.__init__

    def told(self: FirstlineError, message: str, *, remedy: str) -> None:
        inner(self, message, remedy=remedy)
        see(f"error {type(self).__name__}", f"{message}\n{remedy}")

    undo.enter_context(mock.patch.object(FirstlineError, "__init__", told))
