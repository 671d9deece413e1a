"""The command line. Each verb has a file of its own."""

from __future__ import annotations

import os
import signal
import sys

import click as plain_click
import rich_click as click

from ami.failure import Exit, Failure
from ami.verbs import HelpText, Verbs

click.rich_click.TEXT_PARAGRAPH_LINEBREAKS = "\n\n"  # a blank line in a help text stays one
click.rich_click.MAX_WIDTH = 110
click.RichContext.formatter_class = HelpText

# No matrix is multiplied here: the threads numpy would start for that only spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

AGAIN_S = 0.05  # from a request to end that was dropped to the next

VERBS: dict[str, tuple[str, str | None]] = {
    "demo": ("demo:command", "A small cooperative, live: simulated meters, head-end, database, pages."),
    "init": ("init:command", "Set up this installation: home, settings, keys, database."),
    "check": ("check:command", "Look at this installation and say what is wrong with it."),
    "status": ("status:command", "What is read, what is silent, what is held, what is due."),
    "report": ("report:command", "How complete reading is, who is silent, why reads fail, clocks, links."),
    "user": ("user:command", "Who may sign in."),
    "meter": ("meter:command", "Add, list and test meters."),
    "import": ("import_:command", "Bring in customers, meters, the register of the grid, and readings."),
    "collect": ("collect:command", "The head-end: read what is missing and keep reading."),
    "order": (
        "order:command",
        "Read a meter now, disconnect, connect, limit, set a clock: orders to meters.",
    ),
    "read": ("read:command", "Read one meter now, without a database."),
    "case": ("case:command", "Doubtful readings: accept, edit, read again, give to somebody."),
    "validate": ("validate:command", "Turn what meters said into validated days."),
    "close": ("close:command", "Take the closing indices of a month."),
    "bill": ("bill:command", "Bill a closed month, list, print and explain bills."),
    "load": (
        "load_figures:command",
        "Load of a meter, a class, a book, a feeder, a station: Pmax, curves, factors.",
    ),
    "station": ("station:command", "Stations: load against their transformers, balance, loss, suspects."),
    "inspection": ("inspection:command", "Meters to be visited: why, what is at stake, what was found."),
    "alerts": ("alerts:command", "Look for what is abnormal, and list it."),
    "warnings": (
        "warnings:command",
        "What customers are told of their own use, and the limits they set.",
    ),
    "key": ("key:command", "Keys of meters: which there are, and new ones for those that take them."),
    "outage": ("outage:command", "The register of outages: told by meters, silent stations, entered."),
    "export": (
        "export:command",
        "Readings, closing indices, bills, routes, customers, stations and the register, for other programs.",
    ),
    "worker": ("worker:command", "Run the jobs of the office: validate, close, bill, watch."),
    "serve": ("serve:command", "The pages for staff and customers."),
    "db": ("db:command", "Start, stop, migrate, back up and restore the database."),
    "simulate": ("simulate:command", "Meters that speak the real protocols, for trials and tests."),
    "bench": ("bench:command", "Measure, beside peers in the same run."),
}


@click.group(
    cls=Verbs,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="dienke", prog_name="ami")
def cli() -> None:
    """Điện kế: reads electricity meters, keeps what they said, and turns it into load curves, closing
    indices, bills and warnings.

    Everything lives below $AMI_HOME (default ./var). Start with `ami demo`, or with `ami init` for an
    installation of your own. Exit codes: 0 done, 1 failed for another reason, 2 usage, 3 partly done,
    4 no link, 5 input unusable, 6 the result contradicts the truth, 130 stopped with Ctrl-C.
    """


def main() -> None:
    """Run the command line and end the process with its exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.unraisablehook = _unraised
    try:
        code = cli.main(prog_name="ami", standalone_mode=False)
    except plain_click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else _asked_for(sys.argv[1:])
        print(f"ami: {error.format_message().rstrip('.')} (see `{path} --help`).", file=sys.stderr)
        code = Exit.USAGE
    except click.ClickException as error:
        print(f"ami: {error.format_message()}", file=sys.stderr)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("Stopped.", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = Exit.FAILED
    except Exception as error:
        found = error if isinstance(error, Failure) else _foreseen(error)
        if found is None:
            raise
        print(f"ami: {found}", file=sys.stderr)
        code = found.code
    sys.exit(int(code or 0))


def _asked_for(words: list[str]) -> str:
    """The command that was meant: click does not say so of an option without its value."""
    path, command = ["ami"], cli
    context = click.Context(cli)
    for word in words:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            break
        path.append(word)
        command = found
    return " ".join(path)


def _terminated(_signal: int, _frame: object) -> None:
    """A request to end is like Ctrl-C: whatever was started for this command is put away."""
    raise KeyboardInterrupt


def _unraised(unraisable: sys.UnraisableHookArgs) -> None:
    """A request to end that came in the middle of a destructor is dropped by Python: it is made again."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.signal(signal.SIGALRM, _terminated)
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
    else:
        sys.__unraisablehook__(unraisable)


def _foreseen(error: Exception) -> Failure | None:
    from ami.known import known_failure  # only now: it knows the rooms

    return known_failure(error)


if __name__ == "__main__":
    main()
