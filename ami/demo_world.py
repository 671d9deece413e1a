"""What a home remembers of its demo: which world it shows, and the sign-ins made for it."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from ami.failure import Failure, UsageFailure
from model.period import LOCAL, local_day

FILE_NAME = "demo.json"
CUSTOMERS = 60
SILENCE = timedelta(days=3, hours=1)  # the planted modem falls silent three days before the epoch


@dataclass(frozen=True, slots=True)
class World:
    """`epoch` is the instant the simulated world was made for; its past never changes after that."""

    seed: int
    epoch: datetime
    replay: str | None = None
    customers: int = CUSTOMERS
    filled: bool = False
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    def save(self, home: Path) -> World:
        document = {**asdict(self), "epoch": self.epoch.isoformat()}
        file = home / FILE_NAME
        draft = file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(document, indent=1), encoding="utf-8")
        draft.replace(file)
        return self

    def with_password(self, login: str) -> World:
        if login in self.passwords:
            return self
        return replace(self, passwords={**self.passwords, login: secrets.token_urlsafe(9)})


def open_world(
    home: Path, *, seed: int | None, customers: int | None, now: datetime, replay: Path | None
) -> World:
    """The world of this home, or a new one made for `now`, remembered once it is saved.

    Raises:
        UsageFailure: the home shows another world than the one asked for.
        Failure: what the home remembers cannot be understood.
    """
    wanted = str(replay.absolute()) if replay is not None else None
    file = home / FILE_NAME
    if not file.exists():
        drawn = secrets.randbelow(1_000_000) if seed is None else seed
        return World(seed=drawn, epoch=now, replay=wanted, customers=customers or CUSTOMERS)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        world = World(**{**document, "epoch": datetime.fromisoformat(document["epoch"])})
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(
            f"{file}, which says what this demo shows, is damaged ({type(error).__name__}: {error}): "
            "set AMI_HOME to an empty directory."
        ) from error
    other = seed not in (None, world.seed) or customers not in (None, world.customers)
    if other or wanted != world.replay:
        village = f"the cooperative of seed {world.seed} with {world.customers} customers"
        shown = f"the replay of {world.replay}" if world.replay else village
        raise UsageFailure(
            f"{home} already shows {shown}: name the same again, or set AMI_HOME to an empty directory."
        )
    return world


def lawful(now: datetime, last_vat_day: date | None) -> datetime:
    """`now`, or the same hour of the last day that has a VAT rate."""
    if last_vat_day is None or local_day(now) <= last_vat_day:
        return now
    local = now.astimezone(LOCAL)
    return datetime.combine(last_vat_day, time(local.hour, local.minute, local.second), tzinfo=LOCAL)
