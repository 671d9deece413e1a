"""What meters send of their own accord, weighed: a readout of a meter of ours, or evidence why it is none."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from collector.errors import CollectorError, StoreAway
from collector.exchange.abilities import model_of
from collector.exchange.scales import Scales
from collector.push.reading import (
    ITEM,
    BadPush,
    Reading,
    elements,
    layout_of,
    named,
    names_in,
    read_data,
    read_event,
)
from collector.spool.spool import Spooled
from collector.watch.metrics import AUTH_FAILURES
from model.readout import Readout, Rejected
from protocols.dlms.notice import DataNotification, DataNotificationConfirm, EventNotification
from protocols.dlms.security.counters import CounterStore
from protocols.dlms.security.envelopes import GeneralDedicated, GeneralGlobal
from protocols.dlms.security.general import GeneralCiphering
from protocols.dlms.security.opening import Envelope, envelope_of
from protocols.dlms.security.protection import Protection
from protocols.dlms.security.setup import SecuritySetup
from protocols.errors import DecodeError, LocalError, ProtocolError, SecurityError, SecurityFault
from protocols.meter_models import MeterModel
from storage.evidence_rows import NOBODY
from storage.pushers import Pusher

log = logging.getLogger("ami.push")

REMEMBERED: Final = 20_000
KEPT_BYTES: Final = 4096  # of a message that cannot be understood
REPEATED: Final = timedelta(minutes=1)  # for so long what says no time is the same again, sent twice
EVIDENCE: Final = 100.0  # rejected messages kept at once, and each second one more: strangers have no end
_PUSHES: Final = uuid.UUID("0a4b7f0e-39e2-5a4f-8a53-9d8d1d6a2b1c")


@dataclass(frozen=True, slots=True)
class TitleKeys:
    """Whose system title it is, and how messages of his are opened; what was heard is remembered there."""

    serial: str
    setup: SecuritySetup
    counters: CounterStore


class Keys(Protocol):
    """The keys of meters."""

    async def meet(self, titles: Collection[bytes]) -> None:
        """Messages of these system titles have come. Raises `StoreAway`."""

    async def of_title(self, title: bytes, *, anew: bool = False) -> Sequence[TitleKeys]:
        """Those that may open what the meter with this system title sends, none for a stranger's.

        `anew`: those that were given before open nothing; nothing is given when that would be the same.
        Raises `StoreAway`.
        """

    def has(self, serial: str) -> bool:
        """Whether this meter, which was looked up, has keys: then nothing unciphered is believed of it."""

    def save(self) -> None:
        """What was heard is on the disk when this returns. Raises `CountersUnusable`."""

    def close(self) -> None:
        """Nothing more comes."""


class NoKeys:
    """No meter has any."""

    async def meet(self, titles: Collection[bytes]) -> None:
        """See `Keys`."""

    async def of_title(self, title: bytes, *, anew: bool = False) -> Sequence[TitleKeys]:
        """See `Keys`."""
        return ()

    def has(self, serial: str) -> bool:
        """See `Keys`."""
        return False

    def save(self) -> None:
        """See `Keys`."""

    def close(self) -> None:
        """See `Keys`."""


LookUp = Callable[[Collection[str]], Awaitable[dict[str, Pusher]]]
"""Meters by serial; raises `StoreAway`."""
Place = tuple[str, int]
"""The code of a modem, and an address behind it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """`spooled` is what to keep, None for what has been kept before or is not worth it; `outcome` is counted.

    `reply` goes back once it is on the disk. From `until` on the same bytes are news (None: they never are).
    """

    spooled: Spooled | None
    outcome: str
    reply: bytes | None
    digest: bytes
    until: datetime | None = None


class Judge:
    """Remembers the last messages kept: the same again (a meter that heard no confirmation) costs nothing."""

    def __init__(
        self,
        look_up: LookUp,
        keys: Keys,
        scales: Callable[[str], Scales | None] = lambda serial: None,
        at: Callable[[Place], Awaitable[Pusher | None]] | None = None,
    ) -> None:
        self._look_up, self._keys, self._scales, self._at = look_up, keys, scales, at
        self._kept: OrderedDict[bytes, tuple[bytes | None, datetime | None]] = OrderedDict()
        self._evidence = EVIDENCE
        self._evidence_at: datetime | None = None

    async def meet(self, messages: Iterable[bytes]) -> None:
        """Look up at once who may have sent these: strangers must not cost a question each."""
        names: set[str] = set()
        titles: set[bytes] = set()
        for raw in messages:
            with suppress(BadPush, ProtocolError):
                envelope = envelope_of(raw)
                if envelope is not None:
                    titles.add(_title_of(envelope))
                elif raw[:1] == bytes((DataNotification.TAG,)):
                    names.update(names_in(elements(DataNotification.from_bytes(raw).data)))
        with suppress(StoreAway):
            if names:
                await self._look_up(names)
            if titles:
                await self._keys.meet(titles)

    def remember(self) -> None:
        """How far meters have counted goes to the disk. Raises `CountersUnusable`."""
        self._keys.save()

    def close(self) -> None:
        """Nothing more is weighed."""
        self._keys.close()

    async def weigh(self, raw: bytes, now: datetime, place: Place | None = None) -> Judged:
        """Never raises: what this program cannot cope with is kept as evidence as well. `place`: where it is
        known to have come from."""
        digest = hashlib.sha256(raw if place is None else raw + repr(place).encode()).digest()
        reply, until = self._kept.get(digest, (None, now))
        if until is None or now < until:
            return Judged(None, "again", reply, digest, until)
        pusher: Pusher | None = None
        try:
            message, keys, protection = await self._opened(raw)
            pusher, model, values = await self._whose(message, keys, place)
            reading, reply = self._read(message, pusher, model, values, raw, now)
            if reply is not None and protection is not None:
                reply = protection.protect(reply)
        except BadPush as bad:
            return self._refused(bad, raw, now, pusher, digest)
        except StoreAway as away:
            said = f"whose it is could not be looked up: {away.sentence}"
            return self._refused(BadPush("store_away", said), raw, now, pusher, digest)
        except Exception as error:
            # The edge of one message: whatever is wrong with it must not cost the others theirs.
            log.exception("a pushed message went wrong here")
            said = f"went wrong here ({type(error).__name__}: {error}): report it"
            return self._refused(BadPush("error", said), raw, now, pusher, digest)
        outcome = "ok" if not reading.rejected else "partial" if reading.answers else "garbage"
        detail = f"meter {pusher.serial} pushed: {reading.rejected[0].reason}" if reading.rejected else ""
        poll = self._poll(digest) if reading.dated else self._poll(digest + now.isoformat().encode())
        readout = Readout(
            pusher.serial, poll, now, now, outcome, detail, None, tuple(reading.answers),
            tuple(reading.rejected),
        )  # fmt: skip
        until = None if reading.dated else now + REPEATED
        return Judged(Spooled(pusher.meter_id, pusher.modem, now, readout), outcome, reply, digest, until)

    def kept(self, judged: Judged) -> None:
        """It is on the disk."""
        if judged.outcome in ("ok", "partial"):
            self._kept[judged.digest] = judged.reply, judged.until
            self._kept.move_to_end(judged.digest)
            if len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)

    @staticmethod
    def _poll(digest: bytes) -> str:
        return str(uuid.uuid5(_PUSHES, digest.hex()))

    async def _opened(
        self, raw: bytes
    ) -> tuple[DataNotification | EventNotification, TitleKeys | None, Protection | None]:
        """The message, and who has proved to have sent it."""
        keys = protection = None
        try:
            envelope = envelope_of(raw)
            if envelope is not None:
                keys, protection, raw = await self._unlocked(_title_of(envelope), raw)
            if raw[:1] == bytes((DataNotification.TAG,)):
                return DataNotification.from_bytes(raw), keys, protection
            if raw[:1] == bytes((EventNotification.TAG,)):
                return EventNotification.from_bytes(raw), keys, protection
        except SecurityError as wrong:
            AUTH_FAILURES.inc()
            kind = "replayed" if wrong.fault is SecurityFault.COUNTER else "untrusted"
            raise BadPush(kind, wrong.reason) from wrong
        except LocalError as ours:
            raise BadPush("error", ours.reason) from ours
        except (DecodeError, ProtocolError) as wrong:
            raise BadPush("undecodable", wrong.reason) from wrong
        raise BadPush("undecodable", f"{raw[:1].hex().upper() or 'nothing'} begins no notification")

    async def _unlocked(self, title: bytes, raw: bytes) -> tuple[TitleKeys, Protection, bytes]:
        """Whose keys open it, and what is inside; the keys may have been changed a moment ago."""
        wrong: SecurityError | None = None
        for anew in (False, True):
            for keys in await self._keys.of_title(title, anew=anew):
                protection = Protection(keys.setup, keys.counters)
                try:
                    return keys, protection, protection.unprotect(raw)
                except SecurityError as error:
                    if wrong is None or error.fault is SecurityFault.COUNTER:
                        wrong = error
            if wrong is not None and wrong.fault is SecurityFault.COUNTER:
                break
        if wrong is not None:
            raise wrong
        said = (
            f"no meter with keys has the system title {title.hex().upper()}; reading a meter tells its title"
        )
        raise BadPush("unknown_meter", said)

    async def _whose(
        self, message: DataNotification | EventNotification, keys: TitleKeys | None, place: Place | None
    ) -> tuple[Pusher, MeterModel, list[bytes]]:
        values = elements(message.data) if isinstance(message, DataNotification) else []
        names = [keys.serial] if keys is not None else names_in(values)
        found = await self._look_up(names) if names else {}
        if not names and place is not None and self._at is not None:
            # An event names nobody, but the line it came by does.
            at_place = await self._at(place)
            names, found = ([at_place.serial], {at_place.serial: at_place}) if at_place else ([], {})
        if not found:
            said = f"no meter {', '.join(names[:3])} is in the register" if names else "it names no meter"
            raise BadPush("unknown_meter", said)
        pusher = next(found[name] for name in names if name in found)
        try:
            model = model_of(pusher.model)
        except CollectorError as unknown:
            raise BadPush("undecodable", unknown.sentence) from unknown
        if keys is None and (not model.pushes.plain or self._keys.has(pusher.serial)):
            raise BadPush("unprotected", f"meter {pusher.serial} must cipher what it sends, and has not")
        return pusher, model, values

    def _read(
        self, message: DataNotification | EventNotification, pusher: Pusher, model: MeterModel,
        values: list[bytes], raw: bytes, now: datetime,
    ) -> tuple[Reading, bytes | None]:  # fmt: skip
        if isinstance(message, EventNotification):
            return read_event(message, model, now, raw), None
        layout = layout_of(model, values)
        if not named(pusher.serial, model, layout, values):
            raise BadPush("unknown_meter", f"what names the meter in this list is not {pusher.serial}")
        scales = self._scales(pusher.serial) or Scales()
        reading = read_data(message, values, layout, model, scales, now, raw)
        reply = (
            DataNotificationConfirm(message.long_invoke).to_bytes() if message.long_invoke.confirmed else None
        )
        return reading, reply

    def _refused(
        self, bad: BadPush, raw: bytes, now: datetime, pusher: Pusher | None, digest: bytes
    ) -> Judged:
        if not self._worth_keeping(now):
            return Judged(None, bad.kind, None, digest)
        reason = bad.sentence
        if len(raw) > KEPT_BYTES:
            reason = f"{reason} (its first {KEPT_BYTES} bytes are kept; SHA-256 {digest.hex()})"
        meter_id, modem, serial = (NOBODY, ITEM, "") if pusher is None else (
            pusher.meter_id, pusher.modem, pusher.serial
        )  # fmt: skip
        rejected = (Rejected(ITEM, reason, raw[:KEPT_BYTES]),)
        readout = Readout(serial, self._poll(digest), now, now, "garbage", reason, rejected=rejected)
        return Judged(Spooled(meter_id, modem, now, readout), bad.kind, None, digest)

    def _worth_keeping(self, now: datetime) -> bool:
        before, self._evidence_at = self._evidence_at or now, now
        self._evidence = min(EVIDENCE, self._evidence + max(0.0, (now - before).total_seconds()))
        if self._evidence < 1.0:
            return False
        self._evidence -= 1.0
        return True


def _title_of(envelope: Envelope) -> bytes:
    """Who says that it is his; `BadPush` where nobody does."""
    match envelope:
        case GeneralGlobal(system_title=title) | GeneralDedicated(system_title=title):
            return title
        case GeneralCiphering(header=header):
            return header.originator
        case _:
            raise BadPush("untrusted", "a ciphered message that does not say who sent it")
