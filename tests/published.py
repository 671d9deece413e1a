"""What others published and we read: one list of it, taken from the tables of tests/vectors.

Every entry holds the bytes as published, the letter of the source in the head of its file, the test that
reads and writes it, and how it is made again. `services` says from the bytes alone what a message is, so that
no row of docs/protocols.md counts what is something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from protocols.dlms import axdr
from protocols.dlms.hdlc.stream import Deframer
from protocols.dlms.security.general import GeneralCiphering, GeneralSigning
from protocols.iec62056_21.data_sets import read_lines, read_out_lines, write_lines, write_out_lines
from protocols.iec62056_21.messages import Command
from protocols.modbus.codes import ExceptionCode, ModbusRefused
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.pdu import read_answer
from protocols.modbus.rtu import RtuFraming, sealed
from protocols.modbus.server import RtuServer, read_request
from tests.published_kinds import (
    again_apdu,
    again_frame,
    again_gosem,
    again_mode_c,
    again_wrapper,
    services_of_apdu,
    services_of_frame,
    services_of_mode_c,
    services_of_pdu,
    services_of_wrapper,
)
from tests.vectors import test_protocols_dlms_action_vectors as action
from tests.vectors import test_protocols_dlms_association_vectors as association
from tests.vectors import test_protocols_dlms_captured_vectors as captured
from tests.vectors import test_protocols_dlms_conformance_vectors as conformance
from tests.vectors import test_protocols_dlms_get_vectors as get
from tests.vectors import test_protocols_dlms_hdlc_vectors as hdlc
from tests.vectors import test_protocols_dlms_push_vectors as push
from tests.vectors import test_protocols_dlms_refusal_vectors as refusal
from tests.vectors import test_protocols_dlms_security_keys_vectors as keys
from tests.vectors import test_protocols_dlms_security_vectors as security
from tests.vectors import test_protocols_dlms_set_vectors as setting
from tests.vectors import test_protocols_dlms_value_vectors as value
from tests.vectors import test_protocols_modbus_vectors as modbus
from tests.vectors import test_protocols_mode_c_vectors as mode_c

UNLICENSED: Final = {(hdlc.__name__, "X"), (push.__name__, "X"), (mode_c.__name__, "E")}
"""Sources that put recorded traffic on the network without a licence: read by the tests, counted nowhere."""
Services = Callable[[bytes], Iterable[str]]
Again = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Published:
    """One message: `source` the letter in the head of `module`, `test` the function that proves it."""

    raw: bytes
    module: str
    source: str
    test: str
    services: tuple[str, ...]
    again: Again
    within: bool = False
    """Part of another entry: it counts for its service, not for the number of messages."""

    @property
    def counted(self) -> bool:
        """Whether its source is a standard, a maker's document or under a permissive licence."""
        return (self.module, self.source) not in UNLICENSED


def cases(module: ModuleType, function: str) -> list[Mapping[str, Any]]:
    """The parameters of each case of a parametrized test, with its id under "id"."""
    (mark,) = [mark for mark in getattr(module, function).pytestmark if mark.name == "parametrize"]
    names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
    told: list[Mapping[str, Any]] = []
    for case in mark.args[1]:
        values = getattr(case, "values", case)
        values = values if isinstance(values, tuple) and len(names) > 1 else (values,)
        if hasattr(case, "values"):
            values = case.values
        told.append({**dict(zip(names, values, strict=True)), "id": getattr(case, "id", None)})
    return told


# --- the list ----------------------------------------------------------------------------------------------


def _letter(name: str) -> str:
    found = re.search(r"\[([A-Z]{1,2})\b[^]]*\]", name)
    if found is None:
        raise ValueError(f"{name!r} names no source")
    return found[1]


def _each(
    module: ModuleType,
    test: str,
    messages: Iterable[tuple[str, bytes]],
    services: Services,
    again: Again | None = None,
    within: bool = False,
) -> Iterator[Published]:
    """Entries of one table; `messages` are the letters of their sources and their bytes."""
    for source, raw in messages:
        path = f"tests/vectors/{module.__name__.rpartition('.')[2]}.py::{test}"
        yield Published(raw, module.__name__, source, path, tuple(services(raw)), again or again_apdu, within)


def _named(table: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """A table whose keys end with [source] and whose values are, or begin with, the hex."""
    for name, row in table.items():
        yield _letter(name), bytes.fromhex(row if isinstance(row, str) else row[0])


def _hex(source: str, texts: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for text in texts:
        yield source, bytes.fromhex(text)


def _dlms() -> Iterator[Published]:
    for module in (get, setting, action):
        yield from _each(
            module, "test_both_directions", _named(module.MESSAGES), services_of_apdu, again_gosem
        )
    for table, test in ((association.AARQS, "test_aarq"), (association.AARES, "test_aare")):
        yield from _each(association, test, _named(table), services_of_apdu)
    for test, source in (
        ("test_initiate_request", "P"), ("test_release", "P"), ("test_proposals", "E"), ("test_grants", "E"),
        ("test_associations_of_others", "C"),
    ):  # fmt: skip
        texts = [case["text"] for case in cases(association, test)]
        yield from _each(association, test, _hex(source, texts), services_of_apdu)
    for module, test, letter, texts in (
        (get, "test_a_range_on_the_wire_and_back", "C", [get.HOUR]),
        (value, "test_range_request_of_a_real_client", "P", [value.QUARTERS]),
        (refusal, "test_both_directions", "C", [c["text"] for c in cases(refusal, "test_both_directions")]),
    ):
        yield from _each(module, test, _hex(letter, texts), services_of_apdu)
    yield from _each(
        value, "test_range_on_the_wire", _hex("P", [value.FIVE_DAYS]), lambda _: ("selection by range",),
        _again_selection,
    )  # fmt: skip
    yield from _each(push, "test_pushes", _named(push.PUSHES), services_of_apdu)
    yield from _each(push, "test_events", _named(push.EVENTS), services_of_apdu)
    for name in ("E450", "E450_AUSTRIA"):
        test = "test_another_push_in_three_blocks_and_our_own_blocks_of_it"
        yield from _each(push, test, _hex("X", getattr(push, name)), services_of_apdu)
    yield from _each(
        conformance, "test_wrapper", _named(conformance.FRAMES), services_of_wrapper, again_wrapper
    )
    yield from _each(
        conformance, "test_events_without_a_time", _named(conformance.LAST_GASP), services_of_apdu
    )
    yield from _each(
        captured, "test_pushes_without_a_link", _hex("D", captured.PUSHES.values()), services_of_apdu
    )


def _again_selection(raw: bytes) -> bytes:
    return raw[:1] + axdr.encode(axdr.decode(raw[1:]))


def _blocks() -> Iterator[Published]:
    """The general blocks in the frames of two meters."""
    for frames in (captured.E450, captured.E450_LATER):
        pieces = [message.hex() for message in captured.heard(frames)]
        test = "test_ciphered_pushes_in_general_blocks"
        yield from _each(captured, test, _hex("D", pieces), services_of_apdu, within=True)


def _links() -> Iterator[Published]:
    yield from _each(hdlc, "test_frame", _named(hdlc.FRAMES), services_of_frame, again_frame)
    for source, texts, test in (
        ("A", (hdlc.KAMSTRUP,), "test_a_push_is_handed_out_without_a_link"),
        ("P", (hdlc.AIDON,), "test_a_push_is_handed_out_without_a_link"),
        ("C", _frames_of(hdlc.BURST), "test_a_burst_is_one_message"),
        ("S", hdlc.CONVERSATION, "test_a_client_relives_a_session"),
        ("X", hdlc.SEGMENTS, "test_a_client_asks_for_segments_as_recorded"),
    ):
        yield from _each(hdlc, test, _hex(source, texts), services_of_frame, again_frame)
    yield from _each(
        captured, "test_frames", _hex("D", captured.FRAMES.values()), services_of_frame, again_frame
    )


def _frames_of(burst: str) -> list[str]:
    return [frame.to_bytes().hex() for frame in Deframer().feed(bytes.fromhex(burst))]


def _ciphered() -> Iterator[Published]:
    """Opened with the published keys; protected again by the sender's title, keys and counter."""
    for name, (title, pair, policy, text, _) in security.GLOBAL_MESSAGES.items():
        yield from _sealed(name, title, pair, policy, text, None)
    for name, (title, text, _) in security.DEDICATED_MESSAGES.items():
        yield from _sealed(name, title, security.LGZ_KEYS, security.BOTH, text, security.LGZ_DEDICATED)
    for text in security.WATER_PUSHES:
        yield from _sealed("[U]", security.WATER, security.WATER_KEYS, security.BOTH, text, None, counter=12)
    for source, raw, test, again in (
        ("GB", keys.ACCESS_CIPHERED, "test_general_ciphering_under_a_one_pass_key", _again_general),
        ("B", keys.RESET_BALANCE, "test_general_ciphering_around_general_signing", _again_general),
    ):
        yield from _each(keys, test, [(source, raw)], services_of_apdu, again)
    signed = keys.RESET_BALANCE[keys.RESET_BALANCE.index(b"\xdf\x09") : -12]
    yield from _each(
        keys, "test_general_ciphering_around_general_signing", [("B", signed)], services_of_apdu,
        lambda raw: GeneralSigning.from_bytes(raw).to_bytes(), within=True,
    )  # fmt: skip


def _again_general(raw: bytes) -> bytes:
    return GeneralCiphering.from_bytes(raw).to_bytes()


def _sealed(
    name: str, title: bytes, pair: Any, policy: Any, text: str, dedicated: bytes | None, counter: int = 3
) -> Iterator[Published]:
    def again(raw: bytes) -> bytes:
        hears = security.side(security.OTHER, title, pair, policy, 1)
        count = int.from_bytes(raw[counter : counter + 4], "big")
        speaks = security.side(title, None if counter > 3 else security.OTHER, pair, policy, count)
        for half in (hears, speaks) if dedicated else ():
            half.dedicate(dedicated)
        return bytes(speaks.protect(hears.unprotect(raw)))

    test = "test_dedicated_ciphering" if dedicated else "test_global_ciphering"
    if counter > 3:
        test = "test_general_global_ciphering_of_pushes_whose_sender_is_met_by_the_first"
    yield from _each(security, test, [(_letter(name), security.h(text))], services_of_apdu, again)


def _modbus() -> Iterator[Published]:
    def request(raw: bytes) -> bytes:
        return bytes(read_request(raw).to_bytes())

    for source, text, _ in modbus.REQUESTS:
        yield from _each(modbus, "test_requests", _hex(source[:1], [text]), services_of_pdu, request)
    for source, text, asked, _ in modbus.ANSWERS:

        def answer(raw: bytes, asked: Any = asked) -> bytes:
            return bytes(read_answer(asked, raw).to_bytes())

        yield from _each(modbus, "test_answers", _hex(source[:1], [text]), services_of_pdu, answer)
    for source, text, asked, code in modbus.DECLINED:

        def refused(_: bytes, asked: Any = asked, code: ExceptionCode = code) -> bytes:
            return RtuServer({17: _Instrument(ModbusRefused(code))}).feed(sealed(b"\x11" + asked.to_bytes()))[
                1:-2
            ]

        yield from _each(modbus, "test_exceptions", _hex(source[:1], [text]), services_of_pdu, refused)
    for source, asked, *pair in modbus.FRAMES:

        def framed(raw: bytes, asked: Any = asked, question: str = pair[0]) -> bytes:
            if raw == bytes.fromhex(question):
                return bytes(RtuFraming(raw[0]).ask(asked))
            words = read_answer(asked, raw[1:-2])
            return RtuServer({raw[0]: _Instrument(words)}).feed(bytes.fromhex(question))

        yield from _each(
            modbus, "test_rtu_frames_in_both_directions", _hex(source[:1], pair),
            lambda raw: ("Modbus RTU frame", *services_of_pdu(raw[1:])), framed,
        )  # fmt: skip
    for case in cases(modbus, "test_headers_of_modbus_tcp"):

        def headed(raw: bytes, case: Any = case) -> bytes:
            if raw == bytes.fromhex(case["asked"]):
                return bytes(MbapFraming(case["unit"], case["first"]).ask(case["request_"]))
            pdu = read_answer(case["request_"], raw[7:]).to_bytes()
            return raw[:4] + (len(pdu) + 1).to_bytes(2, "big") + raw[6:7] + bytes(pdu)

        yield from _each(
            modbus, "test_headers_of_modbus_tcp", _hex(case["source"], (case["asked"], case["answered"])),
            lambda raw: ("Modbus TCP header", *services_of_pdu(raw[7:])), headed,
        )  # fmt: skip


class _Instrument:
    """A Modbus server's side that says one thing."""

    def __init__(self, said: Any) -> None:
        self.said = said

    def serve(self, request: object) -> Any:
        if isinstance(self.said, ModbusRefused):
            raise self.said
        return self.said


def _mode_c() -> Iterator[Published]:
    def each(test: str, messages: Iterable[tuple[str, bytes]], again: Again) -> Iterator[Published]:
        return _each(mode_c, test, messages, services_of_mode_c, again)

    for test in ("test_requests", "test_identifications", "test_option_selects", "test_commands",
                 "test_answers_of_one_data_set"):  # fmt: skip
        yield from each(test, [(case["id"][0], case["raw"]) for case in cases(mode_c, test)], again_mode_c)
    test = "test_commands_published_without_their_check"
    for case in cases(mode_c, test):
        raw = Command(case["name"], case["data"]).to_bytes()[:-1]
        written = f"\x01{case['name']}\x02{case['data']}\x03".encode()

        def commanded(_: bytes, raw: bytes = raw) -> bytes:
            return raw

        yield from each(test, [(case["id"][0], written)], commanded)
    yield from each("test_acknowledgement_and_repetition", [("H", b"\x06"), ("H", b"\x15")], again_mode_c)
    lines = [b"\x023:14(314*kWh)4:15(415*kWh)\r\n\x03\x04", b'\x023:14(314*kWh)4:15(415*kWh)\r\n!\r\n\x03"']
    yield from each("test_several_data_sets_on_a_line", [("P", raw) for raw in lines], again_mode_c)
    yield from each("test_a_read_out", [("L", b"\x02" + mode_c.LEM_READ_OUT + b"\x03+")], again_mode_c)
    yield from each(
        "test_a_read_out_of_landis_gyr", [("G", mode_c.LANDIS_READ_OUT)],
        lambda raw: write_out_lines([[each] for each in read_out_lines(raw)]),
    )  # fmt: skip
    told = [case["message"].encode() for case in cases(mode_c, "test_error_messages")]
    errors = list(zip("ZZS", told, strict=True))
    yield from each("test_error_messages", errors, again_mode_c)
    blocks = [("L", mode_c.LEM_PROFILE)]
    yield from each("test_the_header_of_a_load_profile", blocks, lambda raw: write_lines(_lined(raw)))
    blocks = [("D", block) for block in mode_c.DUTCH]
    yield from each("test_a_profile_of_one_row", blocks, lambda raw: write_lines(_lined(raw)))
    blocks = [(case["id"][0], case["block"]) for case in cases(mode_c, "test_load_profiles")]
    yield from each("test_load_profiles", blocks, lambda raw: write_lines(_lined(raw)))


def _lined(block: bytes) -> list[Any]:
    """The data sets of a block, line by line."""
    return [read_lines(line + b"\r\n") for line in block.split(b"\r\n") if line]


def published() -> list[Published]:
    """Everything, in the order of the files; the same bytes may stand in several."""
    return [*_dlms(), *_blocks(), *_links(), *_ciphered(), *_modbus(), *_mode_c()]
