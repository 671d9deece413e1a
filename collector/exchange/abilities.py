"""What a meter model can be asked for, in the plan's words."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from collector.errors import UnknownModel
from collector.exchange.clock_setting import interval_of
from collector.polling.plan import Abilities, ProfileAbility
from model.series import ProfileKind
from protocols import meter_models
from protocols.errors import LocalError
from protocols.meter_models import MeterModel
from protocols.meter_models.model import Speech

LOGGER = "logger"  # item of a Modbus meter's own records
HALF_HOURS = "half_hours"  # item of indices read at the half-hour from a meter that keeps no records


@cache
def model_of(name: str) -> MeterModel:
    """The model file of this name; `UnknownModel` in one sentence when there is none or it is wrong."""
    try:
        return meter_models.load(name)
    except LocalError as error:
        raise UnknownModel(f"{error.reason}; correct the meter's model in the register") from error


@cache
def abilities_of(name: str) -> Abilities:
    """What the model of this name can be asked for."""
    model = model_of(name)
    instants = bool(model.instants)
    clock = interval_of(model) if model.control.clock and model.clock is not None else None
    events = str(model.events.obis) if model.events is not None else None
    if model.profile is not None:
        kinds = {column.kind for column in model.profile.columns}
        profile = ProfileAbility(
            str(model.profile.obis),
            timedelta(seconds=model.profile.interval_seconds),
            opening=ProfileKind.INDEX in kinds,
            tells_oldest=model.speech is Speech.DLMS,
        )
        return Abilities(profile, str(model.billing.obis) if model.billing else None, instants, clock, events)
    billing = str(model.billing.obis) if model.billing else None
    if model.modbus_settings is not None and model.modbus_settings.logger is not None:
        kinds = {column.kind for _, column in model.logger_columns}
        interval = timedelta(seconds=model.modbus_settings.logger.interval_seconds)
        return Abilities(ProfileAbility(LOGGER, interval, ProfileKind.INDEX in kinds), billing, instants)
    return Abilities(None, billing, instants, clock, events)
