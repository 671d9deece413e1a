"""What a meter measures: channel, rate register, kind of profile value, unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Channel(IntEnum):
    """Direction and nature of a measured energy; the number is what the store keeps."""

    ACTIVE_IMPORT = 1
    ACTIVE_EXPORT = 2
    REACTIVE_IMPORT = 3
    REACTIVE_EXPORT = 4


class Rate(IntEnum):
    """Rate register of a channel, with the billing trade's codes (KT/SG, BT, CD, TD)."""

    TOTAL = 0
    NORMAL = 1
    PEAK = 2
    OFFPEAK = 3

    @property
    def code(self) -> str:
        """The register's code on a Vietnamese bill."""
        return ("KT", "BT", "CD", "TD")[self.value]

    @classmethod
    def from_code(cls, code: str) -> Rate:
        """The rate of a bill's register code; `SG` is the total of a three-rate meter."""
        rates = {"KT": cls.TOTAL, "SG": cls.TOTAL, "BT": cls.NORMAL, "CD": cls.PEAK, "TD": cls.OFFPEAK}
        try:
            return rates[code]
        except KeyError:
            raise ValueError(f"no register is called {code!r}: use KT, BT, CD or TD") from None


class ProfileKind(StrEnum):
    """What one value of a load profile says."""

    INDEX = "index"  # the register at the stamp
    INTERVAL_ENERGY = "interval_energy"  # the energy of the interval that ends at the stamp
    MEAN_POWER = "mean_power"  # the mean power of the interval that ends at the stamp


class Unit(IntEnum):
    """Physical units by their DLMS code (IEC 62056-6-2, 4.3.2, table of units)."""

    WATT = 27
    VAR = 29
    WATT_HOUR = 30
    VAR_HOUR = 32
    AMPERE = 33
    VOLT = 35
    HERTZ = 44
    NONE = 255


class ReadingSource(StrEnum):
    """Where a register reading came from."""

    BILLING_PROFILE = "billing_profile"  # the meter's own snapshot at the closing instant
    POLL = "poll"  # read now, over the wire
    REMOVAL = "removal"  # at hanging or taking down
    MANUAL = "manual"  # read by a person
    IMPORT = "import"  # brought in from a file


REACTIVE_CODE = "VC"  # the register of reactive import, as the trade calls it


@dataclass(frozen=True, slots=True)
class RegisterKey:
    """One register of one meter."""

    channel: Channel
    rate: Rate = Rate.TOTAL

    @property
    def code(self) -> str:
        """The billing trade's code: KT, BT, CD, TD, and VC for reactive import."""
        return REACTIVE_CODE if self.channel is Channel.REACTIVE_IMPORT else self.rate.code

    @classmethod
    def from_code(cls, code: str) -> RegisterKey:
        """The register that a bill calls so; ValueError names those there are."""
        if code == REACTIVE_CODE:
            return cls(Channel.REACTIVE_IMPORT)
        try:
            return cls(Channel.ACTIVE_IMPORT, Rate.from_code(code))
        except ValueError:
            raise ValueError(f"no register is called {code!r}: use KT, BT, CD, TD or VC") from None
