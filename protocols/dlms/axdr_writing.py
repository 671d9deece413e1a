"""A-XDR `Data` onto the wire."""

import struct
from typing import Any

from protocols.dlms.axdr_types import INTEGERS, MAX_DEPTH, Data, Shape, Tag
from protocols.errors import LocalError
from protocols.reader import length_bytes


def encode(data: Data) -> bytes:
    """The bytes of a value; `LocalError` when it does not fit its tag."""
    out = bytearray()
    try:
        _write(out, data, 0)
    except (struct.error, OverflowError, TypeError, AttributeError, ValueError) as wrong:
        raise LocalError(f"{data!r} cannot be written as Data: {wrong}") from wrong
    return bytes(out)


def _write(out: bytearray, data: Data, depth: int) -> None:
    out.append(data.tag)
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE):
        if depth >= MAX_DEPTH:
            raise LocalError(f"nested deeper than {MAX_DEPTH}")
        out += length_bytes(len(data.value))
        for item in data.value:
            _write(out, item, depth + 1)
    elif data.tag is Tag.COMPACT_ARRAY:
        _write_shape(out, data.value.shape)
        contents = bytearray()
        for item in data.value.items:
            _write_shaped(contents, data.value.shape, item)
        out += length_bytes(len(contents)) + contents
    else:
        _write_scalar(out, data.tag, data.value)


def _write_scalar(out: bytearray, tag: Tag, value: Any) -> None:
    if tag in INTEGERS:
        octets, signed = INTEGERS[tag]
        out += int(value).to_bytes(octets, "big", signed=signed)
    elif tag is Tag.OCTET_STRING:
        out += length_bytes(len(value)) + value
    elif tag in (Tag.VISIBLE_STRING, Tag.UTF8_STRING):
        text = value.encode("latin-1" if tag is Tag.VISIBLE_STRING else "utf-8")
        out += length_bytes(len(text)) + text
    elif tag is Tag.BOOLEAN:
        out.append(1 if value else 0)
    elif tag is Tag.BIT_STRING:
        octets = (len(value) + 7) // 8
        out += length_bytes(len(value)) + int(value.ljust(octets * 8, "0") or "0", 2).to_bytes(octets, "big")
    elif tag in (Tag.FLOAT32, Tag.FLOAT64):
        out += struct.pack(">f" if tag is Tag.FLOAT32 else ">d", value)
    elif tag in (Tag.DATE_TIME, Tag.DATE, Tag.TIME):
        out += value.to_bytes()
    elif value is not None:
        raise LocalError(f"{tag.name} carries no value")


def _write_shape(out: bytearray, shape: Shape) -> None:
    out.append(shape.tag)
    if shape.tag is Tag.ARRAY:
        out += shape.size.to_bytes(2, "big")
        _write_shape(out, shape.parts[0])
    elif shape.tag is Tag.STRUCTURE:
        out += length_bytes(len(shape.parts))
        for part in shape.parts:
            _write_shape(out, part)


def _write_shaped(out: bytearray, shape: Shape, data: Data) -> None:
    if data.tag is not shape.tag:
        raise LocalError(f"{data!r} is not of the described type {shape.tag.name}")
    if shape.tag in (Tag.ARRAY, Tag.STRUCTURE):
        parts = shape.parts * shape.size if shape.tag is Tag.ARRAY else shape.parts
        for part, item in zip(parts, data.value, strict=True):
            _write_shaped(out, part, item)
    else:
        _write_scalar(out, shape.tag, data.value)
