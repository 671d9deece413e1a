"""The parameters of a link, agreed upon by SNRM and UA (IEC 62056-46, 6.4.4.4.3.2)."""

from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import LocalError
from protocols.reader import Reader

MAX_INFO: Final = 2030
MAX_WINDOW: Final = 7
_FORMAT, _GROUP, _USER_DATA = 0x81, 0x80, 0xF0
_NAMES: Final = {5: "max_info_transmit", 6: "max_info_receive", 7: "window_transmit", 8: "window_receive"}


@dataclass(frozen=True, slots=True)
class LinkParameters:
    """As one side sees it: the longest contents of a frame in bytes, and frames sent before a turn ends.

    What a side does not say is the standard's default, which is the default here.
    """

    max_info_transmit: int = 128
    max_info_receive: int = 128
    window_transmit: int = 1
    window_receive: int = 1

    def __post_init__(self) -> None:
        lengths = (self.max_info_transmit, self.max_info_receive)
        windows = (self.window_transmit, self.window_receive)
        if not all(8 <= length <= MAX_INFO for length in lengths):
            raise LocalError(f"the contents of an HDLC frame have 8 to {MAX_INFO} bytes, not {lengths}")
        if not all(1 <= window <= MAX_WINDOW for window in windows):
            raise LocalError(f"an HDLC window has 1 to {MAX_WINDOW} frames, not {windows}")

    def agreed(self, other: "LinkParameters") -> "LinkParameters":
        """What holds for this side after hearing the other: what one sends, the other can take."""
        return LinkParameters(
            min(self.max_info_transmit, other.max_info_receive),
            min(self.max_info_receive, other.max_info_transmit),
            min(self.window_transmit, other.window_receive),
            min(self.window_receive, other.window_transmit),
        )

    def to_bytes(self) -> bytes:
        """The contents of an SNRM or UA frame."""
        body = bytearray()
        for code, number in ((5, self.max_info_transmit), (6, self.max_info_receive)):
            octets = 1 if number < 0x100 else 2
            body += bytes((code, octets)) + number.to_bytes(octets, "big")
        for code, number in ((7, self.window_transmit), (8, self.window_receive)):
            body += bytes((code, 4)) + number.to_bytes(4, "big")
        return bytes((_FORMAT, _GROUP, len(body))) + body

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it; nothing at all means the defaults, numbers beyond what HDLC allows the most it allows."""
        if not raw:
            return cls()
        reader = Reader(raw)
        reader.expect(_FORMAT, "format of the link's parameters")
        found: dict[str, int] = {}
        while reader.left:
            group = reader.u8()
            if group == _USER_DATA:
                break
            part = Reader(reader.take(reader.u8()))
            while group == _GROUP and part.left:
                code, octets = part.u8(), part.u8()
                number = part.number(octets)
                if code not in _NAMES:
                    continue
                least, most = (8, MAX_INFO) if code < 7 else (1, MAX_WINDOW)
                if number < least or octets > 4:
                    raise part.error(f"{number} is no {_NAMES[code].replace('_', ' ')}")
                found[_NAMES[code]] = min(number, most)
        return cls(**found)
