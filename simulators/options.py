"""What a fleet is built from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from model.period import require_aware
from simulators.errors import SimulatorError

FEWEST_CUSTOMERS = 20
MOST_CUSTOMERS = 2000
MOST_METERS = 200_000
HIGHEST_PORT = 32767  # above, the kernel may have handed a port to somebody's outgoing connection


@dataclass(frozen=True, slots=True)
class District:
    """A fleet by its size; `dial_in` is the share of its modems that call, where there is a listener, `keyed`
    that of its meters that want keys."""

    meters: int
    modems: int
    dial_in: float = 0.5
    keyed: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.meters <= MOST_METERS:
            raise SimulatorError(f"a fleet has 1 to {MOST_METERS} meters, not {self.meters}")
        if not 1 <= self.modems <= self.meters:
            raise SimulatorError(
                f"{self.meters} meters hang on 1 to {self.meters} modems, not on {self.modems}"
            )
        if not 0.0 <= self.dial_in <= 1.0:
            raise SimulatorError(f"the share of modems that call is from 0 to 1, not {self.dial_in}")
        if not 0.0 <= self.keyed <= 1.0:
            raise SimulatorError(f"the share of meters with keys is from 0 to 1, not {self.keyed}")


@dataclass(frozen=True, slots=True)
class Options:
    """`epoch` fixes the history and the faults, `as_of` the fleet's clock (None: the real one).

    With `ticking` the clock runs on from `as_of`, else it stands still. `dial_in_to` is the head-end's
    listener; without one every modem is called. `replay` is a CSV of real consumption that takes the place of
    the drawn cooperative, `district` a fleet by its size that does so too. `network` names what the air does
    to answers (`networks.toml`); modems that call say every `heartbeat_s` that they live.
    """

    seed: int
    epoch: datetime
    customers: int = 60
    as_of: datetime | None = None
    ticking: bool = False
    replay: Path | None = None
    dial_in_to: tuple[str, int] | None = None
    host: str = "127.0.0.1"
    port_from: int = 20000
    district: District | None = None
    network: str = "clean"
    heartbeat_s: float = 10.0
    push_to: tuple[str, int] | None = None  # where meters whose model has a push list send it
    push_every_s: float = 1800.0
    max_pdu: int = 2048  # of a DLMS meter: longer answers come in blocks

    def __post_init__(self) -> None:
        require_aware(self.epoch)
        if self.as_of is not None:
            require_aware(self.as_of)
        if not FEWEST_CUSTOMERS <= self.customers <= MOST_CUSTOMERS:
            raise SimulatorError(
                f"a cooperative has {FEWEST_CUSTOMERS} to {MOST_CUSTOMERS} customers, not {self.customers}"
            )
        if not 1024 <= self.port_from <= HIGHEST_PORT - 100:
            raise SimulatorError(
                f"modems cannot listen from port {self.port_from} on: "
                f"give one from 1024 to {HIGHEST_PORT - 100}"
            )
