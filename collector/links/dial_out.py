"""Modems that wait to be called."""

from __future__ import annotations

import asyncio

from collector.errors import LinkDown, reason
from collector.links.link import Link
from collector.links.patience import Patience
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
        modem, loop = self.modem, asyncio.get_running_loop()
        patience = Patience(loop)
        try:
            with patience.until(loop.time() + self.connect_s):
                _, wire = await loop.create_connection(
                    lambda: Wire(modem.code, ModemStream(modem.dialect)), modem.host, modem.port
                )
        except TimeoutError:
            raise LinkDown(
                modem.code,
                f"{self._where} did not answer the call within {self.connect_s:g} s: "
                "check its power and network",
            ) from None
        except OSError as error:
            raise LinkDown(
                modem.code,
                f"{self._where} cannot be called ({reason(error)}): check its power, network and address",
            ) from error
        finally:
            patience.end()
        self._wire = wire
        return wire

    @property
    def _where(self) -> str:
        where = f"{self.modem.host}:{self.modem.port}"
        # An address alone has no name besides.
        return where if self.modem.code == where else f"modem {self.modem.code} at {where}"

    def rest(self) -> None:
        self.close()
