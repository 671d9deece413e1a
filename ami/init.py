"""`ami init`: an installation of your own."""

from __future__ import annotations

import rich_click as click

from ami import home
from ami.console import say
from ami.settings import FILE_NAME, load
from ami.settings_template import TEMPLATE

NEXT = """
Next:
  ami user add NAME --role engineer        somebody who may sign in on the pages
  ami import template customers.xlsx       a sheet for the customers; fill it in, then
  ami import customers customers.xlsx
  ami meter add SERIAL --customer CODE …   hang a meter (`ami meter add --help`)
  ami meter test SERIAL                    read it once and hear what it says
  ami check                                is anything wrong with this installation?"""


@click.command("init")
def command() -> None:
    """Make the home ($AMI_HOME, default ./var), its settings file, its key and its database.

    Running it again changes nothing that is there.
    """
    settings = load()
    home.prepare(settings)
    file = settings.home / FILE_NAME
    if not file.exists():
        file.write_text(TEMPLATE, encoding="utf-8")
        say(f"Settings: {file}")
    with home.database(settings, make=True) as dsn:
        say("The database is ready.")
        home.key_file(settings, dsn).make()
    say(f"Key of the meters' passwords: {settings.wrapping_key_path} (keep a copy in a safe place)")
    say(NEXT)
