"""How the broker between gateways and head-end is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """An MQTT 5 broker. `ca` None: what the machine trusts; `client_id` must differ between head-ends.

    `in_flight` bounds what the broker may send before it is acknowledged, and so the memory.
    """

    host: str
    port: int
    client_id: str
    tls: bool = True
    ca: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    root: str = "ami"
    group: str = "ami"
    in_flight: int = 64
    connect_s: float = 10.0
    keep_alive_s: int = 30
    session_s: int = 7 * 86_400  # how long the broker keeps what comes while no head-end is there

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def subscription(self) -> str:
        """Shared, so that each document goes to one of the head-ends of the group."""
        return f"$share/{self.group}/{self.root}/readout/+"

    def receipts(self, gateway: str) -> str:
        """Where a gateway is told what has been kept."""
        return f"{self.root}/receipt/{gateway}"
