"""The `firstline` command: collects every room's commands and turns errors into words.

Exit codes: 0 done; 1 failed; 2 wrong setting or argument; 3 some input was bad (the rest was done);
4 the tracker cannot be used; 5 a bundle was refused; 6 the gate refused a promotion; 7 disk or
database; 130 interrupted (the same command continues where it stopped).
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import NoReturn

import typer

from data.errors import FirstlineError

INTERRUPTED = 130


def application() -> typer.Typer:
    """Assemble the command tree from the `firstline.commands` entry points."""
    app = typer.Typer(
        name="firstline",
        help="Self-hosted AI first-line support for YouTrack help desks.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    for entry in sorted(entry_points(group="firstline.commands"), key=lambda e: e.name):
        entry.load()(app)
    return app


def main() -> None:
    """Run one command; see the module docstring for exit codes."""
    try:
        application()()
    except FirstlineError as error:
        print(f"firstline: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as ending:
        if ending.code == INTERRUPTED:  # Typer's own rendering of Ctrl-C, which says nothing
            _interrupted()
        raise
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        print(f"firstline: {error}\n  What to do: {_os_remedy(error)}", file=sys.stderr)
        sys.exit(7)


def _interrupted() -> NoReturn:
    print("firstline: interrupted; run the same command again to continue.", file=sys.stderr)
    sys.exit(INTERRUPTED)


def _os_remedy(error: OSError) -> str:
    if error.errno == 28:
        return "Free disk space (nothing half-written was kept), then run the same command again."
    return "Check that the path exists and that you may write there, then run the same command again."
