"""What a published message is, by its bytes alone, and how it is made again from what was read of it."""

from collections.abc import Iterator
from typing import Any, Final

from protocols.dlms import apdu
from protocols.dlms.enums import Mechanism
from protocols.dlms.hdlc.frame import HdlcFrame, Kind
from protocols.dlms.initiate import InitiateRequest, InitiateResponse
from protocols.dlms.selection import EntrySelection, read_selection
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.iec62056_21.framer import Framer
from protocols.iec62056_21.identification import Identification
from protocols.iec62056_21.messages import Data, OptionSelect, SignOn

RESERVED_BITS: Final = 0x30
"""Of the invoke-id: gosem sets one of them, we read over them and write none."""

# --- what a message is -------------------------------------------------------------------------------------

_FAMILIES: Final = {"GetRequest": "GET", "GetResponse": "GET", "SetRequest": "SET", "SetResponse": "SET",
                    "ActionRequest": "ACTION", "ActionResponse": "ACTION"}  # fmt: skip
_CIPHERED: Final = (
    dict.fromkeys((0x21, 0x28, *range(0xC8, 0xD0)), "glo-ciphering of one service")
    | dict.fromkeys(range(0xD0, 0xD8), "ded-ciphering of one service")
    | {0xDB: "general-glo-ciphering", 0xDD: "general-ciphering", 0xDF: "general-signing"}
)
_PLAIN: Final = {
    "ConfirmedServiceError": "confirmed-service-error", "ExceptionResponse": "exception-response",
    "DataNotification": "data-notification", "EventNotification": "event-notification",
    "GeneralBlock": "general block transfer",
}  # fmt: skip
_MECHANISMS: Final = {
    Mechanism.NONE: "association without authentication",
    Mechanism.LLS: "association by LLS",
    Mechanism.HLS_GMAC: "association by HLS 5",
}


def services_of_apdu(raw: bytes) -> Iterator[str]:
    """Of a message of the application layer, ciphered or not."""
    if raw[:1] and raw[0] in _CIPHERED:
        yield _CIPHERED[raw[0]]
        return
    if raw[:1] in (b"\x01", b"\x08"):
        yield "xDLMS initiate"
        return
    message = apdu.decode(raw)
    name = type(message).__name__
    if isinstance(message, apdu.Aarq | apdu.Aare):
        yield _MECHANISMS.get(message.mechanism, "association by another mechanism")
        yield from services_of_inside(message.user_information)
    elif isinstance(message, apdu.Rlrq | apdu.Rlre):
        yield "release"
        yield from services_of_inside(message.user_information)
    elif name in _PLAIN:
        yield _PLAIN[name]
    else:
        (family,) = [service for head, service in _FAMILIES.items() if name.startswith(head)]
        lists = "List" in name
        blocks = "Block" in name or name == "GetRequestNext"
        one = "one method" if family == "ACTION" else "one attribute"
        yield f"{family}: {'a list' if lists else 'in blocks' if blocks else one}"
        for access in accesses(message):
            by_entry = isinstance(read_selection(access), EntrySelection)
            yield "selection by entry" if by_entry else "selection by range"


def services_of_inside(user_information: bytes | None) -> Iterator[str]:
    """Of what stands in the user-information of an association's message, where it holds one."""
    if user_information:
        yield from services_of_apdu(user_information)


def accesses(message: object) -> list[apdu.Access]:
    """The selections in a request."""
    listed = getattr(message, "items", None) or getattr(message, "attributes", None) or ()
    pairs = [item[1] for item in listed if isinstance(item, tuple) and len(item) == 2]
    return [
        access for access in (getattr(message, "access", None), *pairs) if isinstance(access, apdu.Access)
    ]


def services_of_frame(raw: bytes) -> Iterator[str]:
    """Of an HDLC frame, and of the message it holds whole."""
    frame = HdlcFrame.from_bytes(raw)
    yield f"HDLC {'of no kind' if frame.kind is None else frame.kind.name}"
    meter = max(frame.destination, frame.source, key=lambda address: address.octets)
    yield f"HDLC meter address of {meter.octets}"
    if frame.kind in (Kind.SNRM, Kind.UA) and frame.info:
        yield "HDLC negotiation"
    if frame.segmented:
        yield "HDLC segmentation"
    elif payload_of(frame):
        yield from services_of_apdu(payload_of(frame))


def payload_of(frame: HdlcFrame) -> bytes:
    """The message that stands whole in a frame; b"" for a part of one and for short-name referencing."""
    payload = frame.info[3:]
    if (
        frame.segmented
        or frame.info[:3] not in (b"\xe6\xe6\x00", b"\xe6\xe7\x00")
        or payload[:1] in SHORT_NAMES
    ):
        return b""
    return payload


SHORT_NAMES: Final = {b"\x05", b"\x0c", b"\x1d"}
"""Messages of short-name referencing, which is not spoken here."""


def services_of_wrapper(raw: bytes) -> Iterator[str]:
    """Of a frame of the wrapper and the message in it."""
    yield "wrapper"
    yield from services_of_apdu(raw[8:])


def services_of_pdu(raw: bytes) -> Iterator[str]:
    """Of a Modbus message: its function, or its refusal."""
    yield "Modbus exception" if raw[0] & 0x80 else f"Modbus function {raw[0]}"


def services_of_mode_c(raw: bytes) -> Iterator[str]:
    """Of a message of mode C."""
    if raw[:1] == b"\x06":
        yield "mode C option select" if len(raw) > 1 else "mode C acknowledgement"
    elif raw[:2] in (b"/?", b"/#"):
        yield "mode C sign-on"
    elif raw[:1] == b"/":
        yield "mode C identification"
    elif raw[:1] == b"\x15":
        yield "mode C acknowledgement"
    elif raw[:1] == b"\x01":
        letter = raw[1:2].decode()
        yield {"P": "mode C password", "R": "mode C reading", "W": "mode C writing", "B": "mode C sign-off"}[
            letter
        ]
    elif b"P.0" in raw or b":24.3.0(" in raw:
        yield "mode C load profile"
    elif raw.startswith((b"(ERR", b"\x02(ERR")):
        yield "mode C error"
    else:
        yield "mode C read-out" if b"!\r\n" in raw else "mode C answer"


# --- making it again ---------------------------------------------------------------------------------------


def again_apdu(raw: bytes) -> bytes:
    """Decoded and encoded."""
    if raw[:1] == b"\x01":
        return InitiateRequest.from_bytes(raw).to_bytes()
    if raw[:1] == b"\x08":
        return InitiateResponse.from_bytes(raw).to_bytes()
    return apdu.decode(raw).to_bytes()


def again_gosem(raw: bytes) -> bytes:
    """As `again_apdu`, with the reserved bit of the invoke-id that gosem sets put back."""
    made = bytearray(again_apdu(raw))
    made[2] |= raw[2] & RESERVED_BITS
    return bytes(made)


def again_plain(raw: bytes) -> bytes:
    """A message inside a frame: made again where it is not ciphered (that the vectors' own tests do)."""
    return raw if raw[:1] and raw[0] in _CIPHERED else again_apdu(raw)


def again_frame(raw: bytes) -> bytes:
    """A frame from its parts, the whole message in it from what was read of it."""
    frame = HdlcFrame.from_bytes(raw)
    whole = payload_of(frame)
    info = frame.info[:3] + again_plain(whole) if whole else frame.info
    made = HdlcFrame(frame.destination, frame.source, frame.control, info, frame.segmented)
    return made.to_bytes()


def again_wrapper(raw: bytes) -> bytes:
    """A frame of the wrapper and the message in it."""
    (frame,) = Unwrapper().feed(raw)
    return Frame(frame.source, frame.destination, again_plain(frame.payload)).to_bytes()


def again_mode_c(raw: bytes) -> bytes:
    """Taken apart by the framer and by the message's own class, and written again."""
    if raw[:1] == b"\x06" and len(raw) > 1:
        return OptionSelect.from_bytes(raw).to_bytes()
    if raw[:2] == b"/?":
        return SignOn.from_bytes(raw).to_bytes()
    if raw[:1] == b"/":
        return Identification.from_bytes(raw).to_bytes()
    if raw[:1] == b"(":
        return Data.to_bytes(Data(raw))[1:-2]
    framer = Framer()
    framer.feed(raw)
    found: Any = framer.next()
    return bytes(found.to_bytes())
