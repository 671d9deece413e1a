"""What happens to a meter after it was hung: another line, password or address; and its taking down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from model.errors import ModelError
from model.grid import Installation, Meter, Register, SecretKeys
from model.period import require_aware, shown
from model.series import REACTIVE_CODE, RegisterKey
from operations import line_words
from operations.errors import MeterRefused
from operations.hanging import refuse_unbillable
from operations.importing import Wrap
from operations.line_words import LineWords
from operations.multipliers import refuse_contradictions
from protocols import meter_models
from protocols.errors import LocalError
from protocols.meter_models.model import MeterModel, Speech
from storage.grid import register as known_register
from storage.grid import save_register
from storage.meter_keys import drop_unconfirmed
from storage.people import audit
from storage.pool import Pool

USUAL = -1  # seconds between two looks at instant values: no wish of its own


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different; what is None stays as it is. `modem` puts the meter behind another one."""

    model: str | None = None
    address: int | None = None
    digits: int | None = None
    password: str | None = None
    modem: str | None = None
    host: str | None = None
    port: int | None = None
    registration: str | None = None
    dialect: str | None = None
    device: str | None = None
    dials: str | None = None
    udp: bool | None = None
    cell: str | None = None
    live_every_s: int | None = None  # 0: never; USUAL: as the head-end's setting says
    keys: SecretKeys | None = field(default=None, repr=False)

    @property
    def line(self) -> LineWords:
        """What is to be different on the way to it."""
        return LineWords(
            self.host,
            self.port,
            self.registration,
            self.dialect,
            self.device,
            self.dials,
            self.udp,
            self.cell,
        )


def change(pool: Pool, serial: str, wanted: Change, wrap: Wrap) -> tuple[str, ...]:
    """Change a registered meter and its modem, and return the nouns that are different now.

    A modem that several meters share changes for all of them. Raises `MeterRefused`.
    """
    with pool.connection() as conn:
        known = known_register(conn)
        meter = _meter(known, serial)
        if wanted.model is not None:
            _kind(serial, wanted.model)
        code = wanted.modem or meter.modem
        there = next((modem for modem in known.modems if modem.code == code), None)
        if there is None:
            said = f"meter {serial}: there is no modem {code}: see `ami meter list`, or give host and port"
            raise MeterRefused(serial, said)
        try:
            modem = line_words.modem(serial, code, wanted.line, there)
        except ModelError as error:
            raise MeterRefused(serial, f"meter {serial}: {error}") from None
        new = Meter(
            serial,
            wanted.model or meter.model,
            code,
            meter.address if wanted.address is None else wanted.address,
            meter.digits if wanted.digits is None else wanted.digits,
            wanted.password,
            _live_every(meter, wanted),
            wanted.keys,
        )
        if (modem, new.modem, new.address) != (there, meter.modem, meter.address):
            line_words.refuse_no_address(serial, new.model, modem, new.address)
        counts = save_register(conn, Register(modems=(modem,), meters=(new,)), wrap)
        if wanted.keys is not None:
            drop_unconfirmed(conn, serial)
        if wanted.model is not None:  # else another password or address could not be given in the meantime
            refuse_contradictions(conn, Register(meters=(new,)))
            refuse_unbillable(known, serial, wanted.model)
        return tuple(noun for noun in counts.changed if counts.changed[noun] + counts.added[noun])


def _meter(known: Register, serial: str) -> Meter:
    for meter in known.meters:
        if meter.serial == serial:
            return meter
    raise MeterRefused(serial, f"meter {serial} is not registered: see `ami meter list`")


def _live_every(meter: Meter, wanted: Change) -> int | None:
    if wanted.live_every_s is None:
        return meter.live_every_s
    return None if wanted.live_every_s == USUAL else wanted.live_every_s


def usual_port(model: str) -> int:
    """The port at which a modem passes this kind of meter on, where nobody says another."""
    speech = meter_models.load(model).speech if model in meter_models.names() else Speech.DLMS
    return {Speech.DLMS: 4059, Speech.MODBUS: 502, Speech.MODE_C: 4059}[speech]


def raw_indices(serial: str, model: str, kwh: Iterable[tuple[str, Decimal]]) -> dict[str, int]:
    """What a display showed in kWh, by register code, as the meter of this model would send it.

    Raises `MeterRefused` for a register the model does not have, one named twice, and digits finer than it
    counts.
    """
    kind = _kind(serial, model)
    found: dict[str, int] = {}
    for code, value in kwh:
        try:
            key = RegisterKey.from_code(code)
            place = kind.register(key.channel, key.rate).place
        except (ValueError, LocalError) as error:
            raise MeterRefused(serial, f"meter {serial}: {error}") from None
        if key.code in found:
            raise MeterRefused(serial, f"meter {serial}: register {code} is named twice: keep one of them")
        found[key.code] = raw_index(serial, key, value, place.scaler)
    return found


def raw_index(serial: str, key: RegisterKey, kwh: Decimal, scaler: int) -> int:
    """An index in kWh (kvarh) as the register says it, in steps of 10^scaler Wh.

    Raises `MeterRefused` for digits that the register does not have.
    """
    steps = (kwh * 1000).scaleb(-scaler)
    if steps != steps.to_integral_value():
        unit = "kvarh" if key.code == REACTIVE_CODE else "kWh"
        step = (Decimal(1).scaleb(scaler) / 1000).normalize()
        raise MeterRefused(
            serial,
            f"meter {serial}: register {key.code} counts in steps of {step:f} {unit}, and {kwh} has finer "
            f"digits: write what it shows",
        )
    return int(steps)


def _kind(serial: str, model: str) -> MeterModel:
    if model not in meter_models.names():
        named = ", ".join(meter_models.names())
        raise MeterRefused(serial, f"meter {serial}: no model is called “{model}”: use one of {named}")
    return meter_models.load(model)


def take_down(
    pool: Pool,
    serial: str,
    at: datetime,
    kwh: Iterable[tuple[str, Decimal]],
    wrap: Wrap,
    *,
    by: str,
    now: datetime,
) -> Installation:
    """Say that a meter was taken down, with what its display showed, and return where it hung.

    Raises `MeterRefused` when it is not hanging, hung later than `at`, or `at` is still to come.
    """
    if require_aware(at) > now:
        said = f"meter {serial}: {_at(at)} is still to come: give the instant it was taken down (--at)"
        raise MeterRefused(serial, said)
    with pool.connection() as conn:
        known = known_register(conn)
        indices = raw_indices(serial, _meter(known, serial).model, kwh)
        hanging = [i for i in known.installations if i.serial == serial and i.until is None]
        if not hanging:
            last = _last_stay(known, serial)
            told = "" if last is None else f", it was taken down from {last.point} at {_at(last.until)}"
            raise MeterRefused(serial, f"meter {serial} hangs nowhere{told}: see `ami meter list`")
        try:
            ended = replace(hanging[0], until=at, last_index=indices)
        except ModelError as error:
            raise MeterRefused(serial, f"{error}: correct --at") from None
        save_register(conn, Register(installations=(ended,)), wrap)
        detail = {"point": ended.point, "until": at.isoformat(), "raw": indices}
        audit(conn, now, by, "meter.take_down", serial, detail)
        return ended


def take_down_undone(pool: Pool, serial: str, wrap: Wrap, *, by: str, now: datetime) -> Installation:
    """The last taking down of a meter was a mistake: it never ceased to hang. What it showed is forgotten,
    but for the record of who said so. Returns where it hangs and since when.

    Raises `MeterRefused` when it was not taken down, or another meter hangs in its place.
    """
    with pool.connection() as conn:
        known = known_register(conn)
        _meter(known, serial)
        last = _last_stay(known, serial)
        if last is None or last.until is None:
            where = "" if last is None else f", it hangs at {last.point}"
            raise MeterRefused(serial, f"meter {serial} was not taken down{where}: there is nothing to undo")
        for other in known.installations:
            if other.point == last.point and other.since >= last.until:
                said = (
                    f"meter {serial}: meter {other.serial} hangs at {last.point} since {_at(other.since)}: "
                    f"an exchange is not undone, correct the customer's bill instead"
                )
                raise MeterRefused(serial, said)
        again = replace(last, until=None, last_index={})
        save_register(conn, Register(installations=(again,)), wrap)
        detail = {"point": last.point, "until": last.until.isoformat(), "raw": dict(last.last_index)}
        audit(conn, now, by, "meter.take_down_undone", serial, detail)
        return again


def _last_stay(known: Register, serial: str) -> Installation | None:
    return max(
        (item for item in known.installations if item.serial == serial),
        key=lambda item: item.since,
        default=None,
    )


def _at(at: datetime | None) -> str:
    return "" if at is None else shown(at)
