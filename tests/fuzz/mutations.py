"""Valid messages turned into what broken, hostile and half-heard peers send."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from tests.fuzz.entry import Chunks

LONGEST: Final = 65_400
"""So that it still goes into a frame."""
_TELLING: Final = bytes.fromhex(
    "00 01 02 03 04 06 09 0c 0f 11 12 13 15 16 19 20 2f 3f 40 55 5f 60 61 62 63 7e 7f"
    "80 81 82 83 84 88 a0 a1 be c0 c1 c2 c3 c4 c5 c7 c8 cc d0 d8 db dc dd df e0 fe ff"
)
_LENGTHS: Final[tuple[bytes, ...]] = (
    b"\x00", b"\x01", b"\x7f", b"\x80", b"\x81\x00", b"\x81\xff", b"\x82\x00\x00", b"\x82\xff\xff",
    b"\x83\xff\xff\xff", b"\x84\xff\xff\xff\xff", b"\x84\x3b\x9a\xca\x00", b"\x84\x7f\xff\xff\xff",
    b"\x85\x00\x00\x00\x00\x01", b"\xff",
)  # fmt: skip
"""Among them 4 GiB and a billion."""
Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def _place(chance: random.Random, raw: bytes) -> int:
    # What decides is mostly at the beginning.
    return (
        min(int(chance.expovariate(1 / 12)), len(raw))
        if chance.random() < 0.5
        else chance.randint(0, len(raw))
    )


def _slice(chance: random.Random, raw: bytes) -> tuple[int, int]:
    begin = _place(chance, raw)
    return begin, min(len(raw), begin + 1 + int(chance.expovariate(1 / 8)))


def flip(chance: random.Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    found = bytearray(raw or b"\0")
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        found[min(_place(chance, raw), len(found) - 1)] ^= 1 << chance.randrange(8)
    return bytes(found)


def overwrite(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    found = bytearray(raw or b"\0")
    found[min(_place(chance, raw), len(found) - 1)] = chance.choice(_TELLING)
    return bytes(found)


def count(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    octets = chance.choice((1, 2, 4))
    at = _place(chance, raw)
    number = int.from_bytes(raw[at : at + octets].ljust(octets, b"\0"), "big") + chance.choice(
        (-1, 1, -2, 16)
    )
    return raw[:at] + (number % (1 << 8 * octets)).to_bytes(octets, "big") + raw[at + octets :]


def truncate(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    return raw[: chance.randint(0, len(raw))] if chance.random() < 0.8 else raw[chance.randint(0, len(raw)) :]


def lengthen(chance: random.Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    return raw + chance.choice((chance.choice(others), chance.randbytes(chance.randint(1, 40)), bytes(1)))


def drop(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(chance, raw)
    return raw[:begin] + raw[end:]


def double(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(chance, raw)
    times = chance.choice((1, 1, 2, 7, 100))
    return raw[:begin] + raw[begin:end] * times + raw[begin:]


def swap(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _slice(chance, raw)
    at = chance.randint(0, len(raw))
    rest = raw[:begin] + raw[end:]
    return rest[:at] + raw[begin:end] + rest[at:]


def splice(chance: random.Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return raw[: _place(chance, raw)] + other[_place(chance, other) :]


def insert(chance: random.Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(chance, raw)
    other = chance.choice(others)
    begin, end = _slice(chance, other)
    piece = chance.choice((other[begin:end], bytes((chance.choice(_TELLING),)), chance.randbytes(2)))
    return raw[:at] + piece + raw[at:]


def lie(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    """Another length than is true, 4 GiB and a billion among them."""
    at = _place(chance, raw)
    return raw[:at] + chance.choice(_LENGTHS) + raw[at + chance.choice((0, 1, 1, 1, 2)) :]


def nest(chance: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    """A value so many arrays or structures deep."""
    at = _place(chance, raw)
    layer = chance.choice((b"\x02\x01", b"\x01\x01", b"\x01\x81\x01", b"\x13\x02\x01", b"\x60\x80", b"("))
    return raw[:at] + layer * chance.choice((1, 2, 8, 15, 16, 17, 100, 10_000)) + raw[at:]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip, overwrite, count, truncate, lengthen, drop, double, swap, splice, insert, lie, nest,
)  # fmt: skip


def mutated(chance: random.Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """One to four things done to one message."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        raw = chance.choice(MUTATIONS)(chance, raw, others)
    return raw[:LONGEST]


def shuffled(chance: random.Random, chunks: Chunks, others: Sequence[bytes]) -> Chunks:
    """What a line does to a conversation: messages lost, repeated, reordered, foreign ones between them."""
    found = list(chunks)
    at = chance.randrange(len(found)) if found else 0
    match chance.randrange(6):
        case 0 if len(found) > 1:
            del found[at]
        case 1 if found:
            found.insert(chance.randint(0, len(found)), found[at])
        case 2 if len(found) > 1:
            chance.shuffle(found)
        case 3:
            found.insert(chance.randint(0, len(found)), chance.choice(others))
        case 4:
            found = (found * chance.choice((2, 3, 20)))[:64]
        case _:
            pass
    return tuple(found)


def recut(chance: random.Random, chunks: Chunks) -> Chunks:
    """The same bytes in other pieces."""
    whole = b"".join(chunks)
    if not whole:
        return chunks
    if chance.random() < 0.2 and len(whole) <= 512:
        return tuple([whole[at : at + 1] for at in range(len(whole))])
    ends = sorted({chance.randint(1, len(whole)) for _ in range(chance.randint(0, 6))} | {len(whole)})
    return tuple([whole[begin:end] for begin, end in zip([0, *ends], ends, strict=False)])
