"""Who says a modem's name while another node has the modem: one conversation is to show whether it has moved.

Nothing is noted against the meters when it fails: they may be well, behind the modem, where that is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from collector.context import about
from collector.errors import LinkDown, SpoolError
from collector.exchange import read_meter
from collector.links.kinds import DialIn
from collector.polling.caller import Office
from collector.polling.plan import Wanted
from collector.polling.roster import Seat
from collector.polling.urgency import Urgency
from collector.spool.spool import Spooled
from collector.watch import tally
from model.readout import Readout

log = logging.getLogger("ami.collect")

QUESTION: Final = Wanted(registers=True)  # what every meter can say
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def witness(seats: Sequence[Seat]) -> Seat | None:
    """Whose word is asked for: of the meters that can be read the one that was heard last."""
    found = [seat for seat in seats if not seat.problem and seat.meter.since is not None]
    return max(found, key=lambda seat: seat.known.last_register or _LONG_AGO, default=None)


async def trial(office: Office, link: DialIn, seat: Seat) -> Readout | None:
    """What the meter said over the call that is tried next; None when that was not enough to believe it."""
    settings = office.settings
    readout: Readout | None = None
    with about(modem=link.modem.code, meter=seat.meter.serial), suppress(LinkDown):
        async with (
            office.permits.take(Urgency.REAL_TIME, link.modem.cell),
            link.lease(Urgency.REAL_TIME) as stream,
        ):
            with tally.talking:
                readout = await read_meter(
                    stream,
                    seat.meter,
                    QUESTION,
                    clock=office.clock,
                    answer_s=settings.answer_s,
                    scales=seat.scales,
                    ours=settings.ours,
                )
            if not readout.answers:
                stream.poison(f"no meter of modem {link.modem.code} answers over this call")
    return readout if readout is not None and readout.answers else None


async def keep(office: Office, seat: Seat, readout: Readout) -> None:
    """What the witness said, on the disk; without room there it is asked again."""
    record = Spooled(seat.meter.meter_id, seat.line.modem.code, office.clock(), readout)
    try:
        await office.spool.append([record])
    except SpoolError:
        return
    tally.due()
    tally.ended(seat.meter.model, readout)
    seat.known.note(readout)
