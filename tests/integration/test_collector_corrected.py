"""A meter that refused us is asked again as soon as its password was corrected, not an hour later."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

from collector.nodes.desk import Desk
from collector.polling.caller import SHUT_OUT, Office
from collector.polling.permits import Permits
from collector.polling.roster import Roster
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool
from model.clock import frozen
from storage.grid import save_register
from storage.pool import connect
from storage.secrets import WrappingKey
from tests.bad_meters import BAD, NOW, hang, register


async def test_a_corrected_password_is_tried_at_once(database: str, tmp_path: Path) -> None:
    both = register((1,))  # behind one modem
    fleet = replace(both, meters=(both.meters[0], replace(both.meters[1], modem="M0", address=2)))
    hang(database, tmp_path, fleet)
    key = WrappingKey.load_or_create(tmp_path / "wrapping.key")
    settings = HeadEndSettings(database, tmp_path / "spool.sqlite", key.unwrap)
    spool, roster, clock = Spool(settings.spool_path), Roster(settings), frozen(NOW.astimezone(UTC))
    desk = Desk(Office(settings, spool, clock, Permits(4), lambda *_: None, Counter()), roster)
    try:
        await desk.take(0, 1, await roster.take(spool, shards=[0]))
        ((code, held),) = desk.lines.items()
        learnt = desk.office.with_modem(code)
        for meter in held.line.meters:
            learnt.of(meter.meter_id).breaker.shut(clock(), SHUT_OUT)
        desk.refresh(await roster.take(spool, shards=[0]))
        assert len(learnt.meters) == 2, "what is as it was stays shut"
        corrected = tuple(replace(meter, password="another") for meter in fleet.meters if meter.serial == BAD)
        with connect(database) as conn:
            save_register(conn, replace(fleet, meters=corrected), key.wrap)
        desk.refresh(await roster.take(spool, shards=[0]))
        bad = roster.by_serial[BAD].meter
        assert learnt.of(bad.meter_id).breaker.may(clock() + timedelta(seconds=1))
        others = [meter for meter in held.line.meters if meter.serial != BAD]
        assert [learnt.of(other.meter_id).breaker.may(clock()) for other in others] == [False]
    finally:
        desk.close()
        spool.close()
