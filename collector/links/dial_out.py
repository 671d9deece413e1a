"""Modems that wait to be called."""

from __future__ import annotations

import asyncio

from collector.errors import LinkDown, reason
from collector.links.link import Link
from collector.links.wire import Wire
from model.grid import Modem
from protocols.modem.stream import ModemStream


class DialOut(Link):
    """We call host:port. The call is kept between the meters of one round and ended by `rest`."""

    def __init__(self, modem: Modem, connect_s: float = 10.0) -> None:
        super().__init__(modem)
        self.connect_s = connect_s

    async def _connected(self) -> Wire:
        if self._wire is not None and self._wire.up:
            return self._wire
        modem = self.modem
        where = f"{modem.host}:{modem.port}"
        if modem.code != where:  # an address alone has no name besides
            where = f"modem {modem.code} at {where}"
        try:
            async with asyncio.timeout(self.connect_s):
                _, wire = await asyncio.get_running_loop().create_connection(
                    lambda: Wire(modem.code, ModemStream(modem.dialect)), modem.host, modem.port
                )
        except TimeoutError:
            raise LinkDown(
                modem.code,
                f"{where} did not answer the call within {self.connect_s:g} s: check its power and network",
            ) from None
        except OSError as error:
            raise LinkDown(
                modem.code,
                f"{where} cannot be called ({reason(error)}): check its power, network and address",
            ) from error
        self._wire = wire
        return wire

    def rest(self) -> None:
        self.close()
