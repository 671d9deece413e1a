"""What arrives from a broker, weighed: a readout of a meter of ours, or evidence of why it is none."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collector.mqtt.document import BadDocument, quoted, read_document
from collector.mqtt.readout import readout_of
from collector.polling.roster import Roster
from collector.spool.spool import Spooled
from model.readout import Readout, Rejected
from storage.evidence_rows import NOBODY
from storage.fleet import Line

log = logging.getLogger("ami.mqtt")

ITEM = "mqtt"
KEPT_BYTES = 65_536  # of a document that is too long
REMEMBERED = 20_000
_POLLS = uuid.UUID("5f0b6d5e-6f0a-5c55-9d0c-3f6f3d1a7c11")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Key = tuple[str, str]
NOBODY_ELSE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Judged:
    """`spooled` is what to keep, None when the very same has been kept before; `outcome` is counted.

    `receipt` is for the gateway, when its id can be one; `key` and `digest` are what makes it the same again.
    """

    spooled: Spooled | None
    outcome: str
    gateway: str
    receipt: bytes
    key: Key | None
    digest: bytes


class Judge:
    """Remembers the last messages kept, so that the same again costs nothing and another one under the same
    name is found out. Beyond that memory the store takes the same rows once and notes those that differ."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._weighed: dict[Key, bytes] = {}  # since `begin`: on their way to the disk

    def begin(self) -> None:
        """What was weighed and not kept is forgotten."""
        self._weighed.clear()

    def weigh(
        self, topic: str, payload: bytes, now: datetime, elsewhere: Mapping[str, str] = NOBODY_ELSE
    ) -> Judged:
        """Never raises: what this program cannot cope with is kept as evidence as well.

        `elsewhere`: the modems, by serial, of meters that are in the register and not on this roster.
        """
        digest = hashlib.sha256(payload).digest()
        sender = topic.rpartition("/")[2]
        gateway = sender if _ID.fullmatch(sender) else ""
        line = self._roster.gateways.get(gateway)
        poll = str(uuid.uuid5(_POLLS, f"{topic}\0{digest.hex()}"))
        key: Key | None = None
        document: dict[str, Any] = {}
        try:
            document = read_document(payload)
            key = (gateway, document["message"])
            if self._kept.get(key) == digest:
                return Judged(None, "again", gateway, _receipt(document, digest, "", ""), key, digest)
            meter_id, modem = self._whose(document, gateway, line, digest, elsewhere)
            readout = readout_of(document, payload, poll, now)
        except BadDocument as bad:
            return self._refused(bad, document, payload, poll, now, line, gateway, digest)
        except Exception as error:
            # The edge of one document: whatever is wrong with it must not cost the others theirs.
            log.exception("a document of gateway %s went wrong here", quoted(sender))
            ours = BadDocument("error", f"went wrong here ({type(error).__name__}: {error}): report it")
            return self._refused(ours, document, payload, poll, now, line, gateway, digest)
        if readout.answers:
            self._weighed[key] = digest
        said = readout.rejected[0].reason if readout.rejected else ""
        receipt = _receipt(document, digest, "" if readout.answers else "nothing_usable", said)
        return Judged(Spooled(meter_id, modem, now, readout), readout.outcome, gateway, receipt, key, digest)

    def kept(self, judged: Judged) -> None:
        """It is on the disk."""
        if judged.key is not None and judged.outcome in ("ok", "partial"):
            self._kept[judged.key] = judged.digest
            self._kept.move_to_end(judged.key)
            if len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)

    def _whose(
        self,
        document: dict[str, Any],
        gateway: str,
        line: Line | None,
        digest: bytes,
        elsewhere: Mapping[str, str],
    ) -> tuple[int, str]:
        serial = document["meter"]
        if document["gateway"] != gateway:
            said = f"gateway {gateway or 'without a name'} sent a document of gateway {document['gateway']}"
            raise BadDocument("wrong_gateway", said)
        if line is None:
            raise BadDocument("unknown_gateway", f"no gateway {gateway} is in the register: add it there")
        seat = self._roster.by_serial.get(serial)
        behind = elsewhere.get(serial) if seat is None else seat.line.modem.code
        if behind is None:
            raise BadDocument("unknown_meter", f"no meter {serial} is in the register: add it there")
        if seat is None or behind != line.modem.code:
            said = f"meter {serial} hangs behind {behind}, not behind gateway {gateway}"
            raise BadDocument("wrong_gateway", said)
        key = gateway, document["message"]
        if self._kept.get(key, self._weighed.get(key, digest)) != digest:
            said = f"message {document['message']} of gateway {gateway} came before with another content"
            raise BadDocument("message_twice", said)
        return seat.meter.meter_id, line.modem.code

    def _refused(
        self, bad: BadDocument, document: dict[str, Any], payload: bytes, poll: str, now: datetime,
        line: Line | None, gateway: str, digest: bytes,
    ) -> Judged:  # fmt: skip
        reason = bad.sentence
        if len(payload) > KEPT_BYTES:
            reason = f"{reason} (its first {KEPT_BYTES} bytes are kept; SHA-256 {digest.hex()})"
        rejected = Rejected(ITEM, reason, payload[:KEPT_BYTES])
        serial = document.get("meter", "")
        readout = Readout(serial, poll, now, now, "garbage", reason, rejected=(rejected,))
        modem = line.modem.code if line is not None else gateway
        receipt = _receipt(document, digest, bad.kind, bad.sentence)
        return Judged(Spooled(NOBODY, modem, now, readout), bad.kind, gateway, receipt, None, digest)


def _receipt(document: dict[str, Any], digest: bytes, kind: str, sentence: str) -> bytes:
    """`taken`: its values are. `sha256` names the document where nothing in it could be read."""
    told = {
        "message": document.get("message"),
        "sha256": digest.hex(),
        "taken": not kind,
        "reason": kind,
        "sentence": sentence,
    }
    return json.dumps(told, ensure_ascii=False).encode()
