"""A pytest plugin: the session fails when a canary came out anywhere but in the places listed here.

It prints which canary, in which output, in which test. `-p no:canary_watch` leaves it away.
"""

from __future__ import annotations

import logging
import re
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from canary_places import read_postgres, read_tree
from canary_taps import LogTap, Taps
from planted import Canaries


@dataclass(frozen=True)
class Legitimate:
    """A canary (pattern) may be in an output (pattern), for a reason."""

    canary: str
    output: str
    why: str


LEGITIMATE = (
    Legitimate(
        "^API key$", "^what `keys (create|rotate)` said$", "a new key is shown once, to whoever asked for it"
    ),
    Legitimate(
        "^name of the sandbox$", "^what `pattern run` said$", "the reply that a person is to look over"
    ),
    Legitimate(
        "(secret|token)", r"/firstline\.toml$", "the file that an operator writes these settings into"
    ),
    Legitimate(
        "of the sandbox$",
        r"/test_directories_are_exported_\d+/people/[a-z]+\.csv$",
        "the HR data that `firstline sandbox directory` is asked to write out",
    ),
)
"""Where canaries may be; everything else is a leak."""
_NOISY = {
    "sqlalchemy": "rows at DEBUG are the database itself",
    "faker": "hundreds of records about its own providers",
}


@dataclass(frozen=True)
class Leak:
    """One canary in one output."""

    canary: str
    output: str
    test: str
    around: str


class Watch:
    """Collects leaks over a session."""

    def __init__(self) -> None:
        self.canaries = Canaries()
        self.leaks: dict[tuple[str, str, str], Leak] = {}
        self.test, self.root, self.seconds = "(start of the session)", Path("/nonexistent"), 0.0
        self._may = [(re.compile(x.canary), re.compile(x.output)) for x in LEGITIMATE]

    def see(self, output: str, text: str) -> None:
        """Look through something that came out."""
        if not text:
            return
        began = time.perf_counter()
        for canary, around in self.canaries.within(text):
            if not any(c.search(canary) and o.search(output) for c, o in self._may):
                self.leaks.setdefault((canary, output, self.test), Leak(canary, output, self.test, around))
        self.seconds += time.perf_counter() - began

    def see_file(self, place: str, text: str) -> None:
        """Look through what a file holds; its folder is named after the test that left it."""
        self.test = place.removeprefix(f"{self.root}/").split("/")[0]
        self.see(place, text)

    def see_database(self, url: str) -> None:
        """Look through the tables of a PostgreSQL database of the product."""
        began = time.perf_counter()
        read_postgres(url, self.see)
        self.seconds += time.perf_counter() - began

    def read_files(self) -> None:
        """Look through everything below the session's temporary folder."""
        began = time.perf_counter()
        read_tree(self.root, self.see_file)
        self.seconds += time.perf_counter() - began


class Plugin:
    """The hooks of pytest around a `Watch`."""

    def __init__(self) -> None:
        self.watch = Watch()
        self._taps = Taps(self.watch.see)
        self._log = LogTap(self.watch.see)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.watch.test = nodeid
        root = logging.getLogger()
        if self._log not in root.handlers:  # some libraries configure logging anew
            root.addHandler(self._log)
        root.setLevel(logging.DEBUG)
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.WARNING)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for title, text in report.sections:
            self.watch.see(title, text)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        self.watch.see("warning", str(warning_message.message))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.watch.read_files()
        if self.watch.leaks and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        say = terminalreporter
        if not self.watch.leaks:
            say.write_line(f"canaries: none came out ({self.watch.seconds:.1f} s of looking)")
            return
        say.section("canaries that came out", red=True, bold=True)
        for leak in self.watch.leaks.values():
            say.write_line(f"{leak.canary}\n  in {leak.output}\n  test {leak.test}\n  ... {leak.around} ...")
        say.write_line(f"{len(self.watch.leaks)} leaks ({self.watch.seconds:.1f} s of looking)")

    def close(self) -> None:
        self._taps.close()
        logging.getLogger().removeHandler(self._log)


@pytest.fixture(scope="session", autouse=True)
def canary_watch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Give the session's watch, to look through an output of its own or to plant more."""
    watch: Watch = request.config.pluginmanager.get_plugin("canaries").watch
    watch.root = tmp_path_factory.getbasetemp()
    return watch


def pytest_configure(config: pytest.Config) -> None:
    plugin = Plugin()
    config.pluginmanager.register(plugin, "canaries")
    config.add_cleanup(plugin.close)
