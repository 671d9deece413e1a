"""What gateways send through a broker, into the spool: acknowledged once it is on the disk, never before."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace

from collector.context import unrepeated
from collector.errors import SpoolError, StoreAway
from collector.mqtt.connection import BrokerAway, Connection, Delivery
from collector.mqtt.judge import Judge, Judged
from collector.mqtt.settings import BrokerSettings
from collector.polling.roster import Roster
from collector.spool.spool import Spool
from collector.watch.metrics import MQTT_CONNECTED, MQTT_DOCUMENTS, OUTCOMES, bounded
from model.clock import Clock
from model.grid import ModemLink

log = logging.getLogger("ami.mqtt")

BACK_OFF = (0.5, 60.0)
STEADY_S = 30.0  # a connection that lasted so long was a good one
FULL_S = 2.0  # between two looks whether there is room again
BATCH = 32
RESULTS = frozenset(
    (*OUTCOMES, "again", "characters", "fraction", "future", "message_twice", "name_twice", "nesting",
     "no_json", "no_number", "schema", "time", "unknown_gateway", "unknown_meter", "wrong_gateway")
)  # fmt: skip


class Gateways:
    """Run `serve` as a task. `counts` says how documents were judged, `away` why the broker does not have us,
    empty while it does."""

    def __init__(self, settings: BrokerSettings, roster: Roster, spool: Spool, clock: Clock) -> None:
        self.settings, self._spool, self._clock = settings, spool, clock
        self._judge, self._roster = Judge(roster), roster
        self.counts: Counter[str] = Counter()
        self.away = f"the MQTT broker {settings.where} has not answered yet"
        self._away_since: float | None = None  # loop time; None while it is here, or nothing was said yet
        self._said = ""
        MQTT_CONNECTED.set(0)

    @property
    def connected(self) -> bool:
        """Whether the broker has us."""
        return not self.away

    async def serve(self) -> None:
        """Until cancelled: be connected, take what comes."""
        loop = asyncio.get_running_loop()
        pause = BACK_OFF[0]
        while True:
            connection = Connection(self.settings)
            began = loop.time()
            try:
                async with asyncio.timeout(self.settings.connect_s * 2):
                    await connection.opened
                self._came(loop.time())
                while batch := await connection.deliveries(BATCH):
                    await self._keep(connection, batch)
                self._went(f"the MQTT broker {self.settings.where} is away: {connection.ended}", loop.time())
            except BrokerAway as away:
                self._went(away.sentence, loop.time())
            except TimeoutError:
                said = f"the MQTT broker {self.settings.where} does not answer: check that it runs"
                self._went(said, loop.time())
            finally:
                await connection.close()
            if loop.time() - began > STEADY_S:
                pause = BACK_OFF[0]
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, BACK_OFF[1])

    async def _keep(self, connection: Connection, batch: list[Delivery]) -> None:
        """Onto the disk, then acknowledged. With no room nothing is taken: the broker keeps it."""
        judged = []
        self._judge.begin()
        for delivery in batch:
            judged.append(self._judge.weigh(delivery.topic, delivery.payload, self._clock()))
            await asyncio.sleep(0)  # a long document is some milliseconds of work: others have their turn
        await self._again(batch, judged)
        records = [one.spooled for one in judged if one.spooled is not None]
        while records:
            try:
                await self._spool.append(records)
                break
            except SpoolError as error:
                self._say(f"nothing is taken from gateways: {error.sentence}")
                if await connection.over(FULL_S):
                    return  # it was not acknowledged: it comes again
        for delivery, one in zip(batch, judged, strict=True):
            self._judge.kept(one)
            self._count(one)
            connection.acknowledge(delivery)
            if one.gateway:
                connection.publish(self.settings.receipts(one.gateway), one.receipt)

    async def _again(self, batch: list[Delivery], judged: list[Judged]) -> None:
        """A meter nobody knows here may be one behind a modem of another node: the register says it."""
        at = [number for number, one in enumerate(judged) if one.outcome == "unknown_meter"]
        serials = {record.readout.serial for number in at if (record := judged[number].spooled) is not None}
        if not serials:
            return
        with suppress(StoreAway):
            elsewhere = await self._roster.modems_of(serials)
            if any(line.modem.code in elsewhere.values() for line in self._roster.gateways.values()):
                # Hung behind a gateway since the register was read.
                await self._roster.take(self._spool, links=[ModemLink.MQTT])
            for number in at:
                delivery = batch[number]
                judged[number] = self._judge.weigh(delivery.topic, delivery.payload, self._clock(), elsewhere)

    def _count(self, judged: Judged) -> None:
        self.counts[judged.outcome] += 1
        MQTT_DOCUMENTS.labels(bounded(judged.outcome, RESULTS)).inc()
        if judged.outcome not in ("ok", "again") and self.counts[judged.outcome] == 1:
            record = judged.spooled
            sender = f"gateway {judged.gateway or 'without a name'}"
            said = unrepeated(sender, record.readout.detail) if record is not None else judged.outcome
            log.warning("a document of %s: %s (said once)", sender, said)

    def _came(self, now: float) -> None:
        self.away = self._said = ""
        MQTT_CONNECTED.set(1)
        where, since, self._away_since = self.settings.where, self._away_since, None
        if since is None:
            log.info("at the MQTT broker %s", where)
        else:
            log.warning("the MQTT broker %s is back after %.0f s", where, now - since)

    def _went(self, sentence: str, now: float) -> None:
        """Said once, whatever else is the matter until it is back: the last of it is in `ami status`."""
        self.away = sentence
        MQTT_CONNECTED.set(0)
        if self._away_since is None:
            self._away_since = now
            log.warning("%s; until it is back nothing comes from gateways", sentence)

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            log.warning("%s", sentence)


async def probe(settings: BrokerSettings) -> str:
    """Why the broker cannot be used, one sentence; empty when it can. Leaves the head-end's session alone."""
    name = f"{settings.client_id}-check-{random.randrange(1 << 32):08x}"
    connection = Connection(replace(settings, client_id=name, session_s=0, group=f"{settings.group}-check"))
    try:
        async with asyncio.timeout(settings.connect_s * 2):
            await connection.opened
    except BrokerAway as away:
        return away.sentence
    except TimeoutError:
        return f"the MQTT broker {settings.where} does not answer: check that it runs"
    finally:
        await connection.close()
    return ""
