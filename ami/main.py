"""The command line. Each verb has a file of its own, imported when it is called."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

import click as plain_click
import rich_click as click

from ami.failure import Exit, Failure

click.rich_click.TEXT_PARAGRAPH_LINEBREAKS = "\n\n"  # a blank line in a help text stays one
click.rich_click.MAX_WIDTH = 110

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "A small cooperative, live: simulated meters, head-end, database, pages."),
    "init": ("init", "Set up this installation: home, settings, keys, database."),
    "check": ("check", "Look at this installation and say what is wrong with it."),
    "status": ("status", "What is read, what is silent, what is held, what is due."),
    "user": ("user", "Who may sign in."),
    "meter": ("meter", "Add, list and test meters."),
    "import": ("import_", "Bring in customers, meters and the register of the grid."),
    "collect": ("collect", "The head-end: read what is missing and keep reading."),
    "read": ("read", "Read one meter now, without a database."),
    "validate": ("validate", "Turn what meters said into validated days."),
    "close": ("close", "Take the closing indices of a month."),
    "bill": ("bill", "Bill a closed month, list and print bills."),
    "alerts": ("alerts", "Look for what is abnormal, and list it."),
    "export": ("export", "Intervals, closing indices and bills as CSV or JSON."),
    "worker": ("worker", "Run the jobs of the office: validate, close, bill, watch."),
    "serve": ("serve", "The pages for staff and customers."),
    "db": ("db", "Start, stop, migrate, back up and restore the database."),
    "simulate": ("simulate", "Meters that speak the real protocols, for trials and tests."),
    "bench": ("bench", "Measure, beside peers in the same run."),
}


class Verbs(click.RichGroup):
    """Imports a verb's file when the verb is asked for: `ami --help` stays quick."""

    listing = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module, about = VERBS[cmd_name]
        if self.listing:
            return click.RichCommand(name=cmd_name, help=about)
        return importlib.import_module(f"ami.{module}").command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="dienke", prog_name="ami")
def cli() -> None:
    """Điện kế: reads electricity meters, keeps what they said, and turns it into load curves, closing
    indices, bills and warnings.

    Everything lives below $AMI_HOME (default ./var). Start with `ami demo`, or with `ami init` for an
    installation of your own. Exit codes: 0 done, 2 usage, 3 partly done, 4 no link, 5 input unusable,
    6 the result contradicts the truth.
    """


def main() -> None:
    """Run the command line and end the process with its exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = cli.main(standalone_mode=False)
    except plain_click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "ami"
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


def _terminated(_signal: int, _frame: object) -> None:
    """A request to end is like Ctrl-C: whatever was started for this command is put away."""
    raise KeyboardInterrupt


def _foreseen(error: Exception) -> Failure | None:
    from ami.known import known_failure  # only now: it knows the rooms

    return known_failure(error)


if __name__ == "__main__":
    main()
