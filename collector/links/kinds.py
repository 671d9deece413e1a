"""The kind of link that reaches a modem."""

from __future__ import annotations

from collections.abc import Callable

from collector.errors import LinkDown
from collector.links.dial_in import DialIn, Host
from collector.links.dial_out import DialOut
from collector.links.link import Link
from collector.links.local_links import CsdLink, SerialLink, UdpLink
from collector.links.wire import Wire
from model.grid import Modem, ModemLink

__all__ = ["CsdLink", "DialIn", "DialOut", "Host", "Link", "LinkMaker", "SerialLink", "UdpLink", "link_to"]


class Unasked(Link):
    """A gateway: it sends what it reads by itself, nobody can ask it anything."""

    async def ready(self, wait_s: float) -> None:
        await self._connected()

    async def _connected(self) -> Wire:
        raise LinkDown(
            self.modem.code,
            f"gateway {self.modem.registration} cannot be asked: it sends what it reads by itself",
        )


LinkMaker = Callable[[Modem], Link]
_KINDS: dict[ModemLink, LinkMaker] = {
    ModemLink.DIAL_IN: DialIn,
    ModemLink.MQTT: Unasked,
    ModemLink.SERIAL: SerialLink,
    ModemLink.CSD: CsdLink,
    ModemLink.UDP: UdpLink,
}


def link_to(modem: Modem, connect_s: float = 10.0) -> Link:
    """The kind of link that reaches a modem."""
    return DialOut(modem, connect_s) if modem.link is ModemLink.DIAL_OUT else _KINDS[modem.link](modem)
