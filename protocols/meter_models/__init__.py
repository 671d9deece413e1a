"""Meter models: where a meter keeps what, and what it is particular about. Data files, one a model."""

from functools import cache
from importlib.resources import files

from protocols.errors import LocalError
from protocols.meter_models.model import MeterModel
from protocols.meter_models.reading import read_model

__all__ = ["MeterModel", "load", "names"]


@cache
def names() -> tuple[str, ...]:
    """The models there are."""
    here = files(__package__)
    return tuple(
        sorted(path.name.removesuffix(".toml") for path in here.iterdir() if path.name.endswith(".toml"))
    )


@cache
def load(name: str) -> MeterModel:
    """The model of this name; `LocalError` lists those there are, or says what is wrong in its file."""
    if name not in names():
        raise LocalError(f"no meter model is called {name!r}: use one of {', '.join(names())}")
    return read_model(name, files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))
