"""Meters that hang without what they are opened with: the head-end does not even ask them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from protocols import meter_models
from protocols.dlms.enums import Mechanism
from protocols.errors import LocalError
from protocols.meter_models.model import Speech
from storage import meter_keys

NAMED = 10  # meters that a sentence names


@dataclass(frozen=True, slots=True)
class Unopened:
    """Serials by what their models want and nobody has given."""

    password: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """What is missing and how it is given, for a person."""
        found = []
        for serials, what, given in (
            (self.password, "a password", "AMI_METER_PASSWORD=…"),
            (self.keys, "keys", "AMI_METER_KEYS=FILE"),
        ):
            if serials:
                more = f" and {len(serials) - NAMED:,} more" if len(serials) > NAMED else ""
                wants = "its model wants" if len(serials) == 1 else "their models want"
                is_not = "it is not" if len(serials) == 1 else "they are not"
                who = f"meter{'s' if len(serials) > 1 else ''} {', '.join(serials[:NAMED])}{more}"
                found.append(
                    f"Nobody has given {what} for {who}: {wants} {what}, and {is_not} read until then "
                    f"({given} ami meter change {serials[0]})."
                )
        return found


def unopened(conn: Connection[TupleRow], serials: Collection[str] | None = None) -> Unopened:
    """Of these meters, or all that hang and are asked (those behind a gateway are not)."""
    wanting: dict[str, list[str]] = {meter_keys.PASSWORD: [], meter_keys.ENCRYPTION: []}
    for name in meter_keys.models(conn):
        kind = _wanted(name)
        if kind is not None:
            wanting[kind].append(name)
    found = {kind: meter_keys.without(conn, kind, names, serials) for kind, names in wanting.items() if names}
    return Unopened(tuple(found.get(meter_keys.PASSWORD, ())), tuple(found.get(meter_keys.ENCRYPTION, ())))


def _wanted(name: str) -> str | None:
    """The kind of secret without which a meter of this model is not asked."""
    try:
        model = meter_models.load(name)
    except LocalError:
        return None  # said of its line
    if model.speech is not Speech.DLMS:
        return None
    if model.dlms.keyed is not None:
        return meter_keys.ENCRYPTION
    return meter_keys.PASSWORD if model.dlms.mechanism is Mechanism.LLS else None
