"""`ami meter models`: what can be read."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ami.console import emit, table
from ami.options import JSON
from protocols import meter_models
from protocols.meter_models.model import MeterModel


@click.command("models")
@JSON
def models(as_json: bool) -> None:
    """The meter models this program can read."""
    found = [_model(meter_models.load(name)) for name in meter_models.names()]
    if as_json:
        emit({"models": found})
        return
    rows = [
        (m["name"], m["title"], m["maker"], m["protocol"], m["phases"], m["load_profile"], m["registers"])
        for m in found
    ]
    table("", ("Model", "What it is", "Maker", "Protocol", "Phases", "Load profile", "Registers"), rows)


def _model(model: MeterModel) -> dict[str, Any]:
    if model.profile is not None:
        profile = f"{model.profile.interval_seconds // 60} min"
    else:
        profile = "documented logger" if model.logger_columns else "none"
    return {
        "name": model.name,
        "title": model.title,
        "maker": model.maker,
        "protocol": model.speech.value,
        "phases": model.phases,
        "load_profile": profile,
        "registers": " ".join(dict.fromkeys(item.key.rate.code for item in model.registers)),
    }
