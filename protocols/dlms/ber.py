"""The little BER (ITU-T X.690) that ACSE needs: tag, length, contents."""

from protocols.errors import DecodeError
from protocols.reader import Reader, length_bytes

DLMS_UA = bytes((0x60, 0x85, 0x74, 0x05, 0x08))
"""2.16.756.5.8, the arc of the DLMS user association, as the contents of an object identifier begin."""


def tlv(tag: int, contents: bytes) -> bytes:
    """One element."""
    if len(contents) < 0x80:
        return bytes((tag, len(contents))) + contents
    return bytes((tag,)) + length_bytes(len(contents)) + contents


def elements(raw: bytes) -> list[tuple[int, bytes]]:
    """The elements side by side in `raw`; a tag met twice or bytes out of place raise `DecodeError`."""
    reader = Reader(raw)
    found: list[tuple[int, bytes]] = []
    while reader.left:
        tag = reader.u8()
        if tag & 0x1F == 0x1F:
            raise reader.error(f"tag {tag:02X} is of a form ACSE does not use")
        if any(tag == known for known, _ in found):
            raise reader.error(f"element {tag:02X} comes twice")
        found.append((tag, reader.take(reader.length())))
    return found


def only(raw: bytes, tag: int) -> bytes:
    """The contents of the one element that `raw` must be."""
    reader = Reader(raw)
    reader.expect(tag, "element")
    contents = reader.take(reader.length())
    reader.finish()
    return contents


def unsigned(raw: bytes) -> int:
    """A non-negative integer inside an INTEGER element of at most four bytes."""
    contents = only(raw, 0x02)
    if not 1 <= len(contents) <= 4:
        raise DecodeError(f"an integer of {len(contents)} bytes", raw)
    return int.from_bytes(contents, "big")


def identifier(kind: int, number: int) -> bytes:
    """Contents of the object identifier 2.16.756.5.8.kind.number."""
    return DLMS_UA + bytes((kind, number))


def identified(contents: bytes, kind: int, raw: bytes = b"") -> int:
    """The last number of 2.16.756.5.8.kind.x; any other identifier raises `DecodeError` with `raw`."""
    if len(contents) != 7 or contents[:5] != DLMS_UA or contents[5] != kind:
        raise DecodeError(f"object identifier {contents[:32].hex()} is not one of DLMS", raw or contents)
    return contents[6]
