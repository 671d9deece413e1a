"""What the code on the bill says: a transfer as Vietnamese banks' programs read it, or a plain reference.

The payload follows EMV QRCPS (merchant-presented mode) with NAPAS' data object 38, as VietQR has it; it is
checked in the tests against payloads that other programs publish.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import segno

from model.money import Dong
from model.supplier import BankAccount
from operations.paper.page import Page

_NAPAS: Final = "A000000727"
_TO_ACCOUNT: Final = "QRIBFTTA"
_VND: Final = "704"
PURPOSE_LETTERS = 25  # of the additional data's purpose, EMV QRCPS 4.8.1


def _object(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"


def checksum(text: str) -> str:
    """CRC-16/CCITT-FALSE (polynomial 1021, start FFFF), four hexadecimal digits."""
    register = 0xFFFF
    for byte in text.encode("ascii"):
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ 0x1021 if register & 0x8000 else register << 1
    return f"{register & 0xFFFF:04X}"


def plain_letters(text: str) -> str:
    """A text in the letters that every bank carries: `Đặng Văn Á` as `Dang Van A`."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return re.sub(r"[^A-Za-z0-9]+", " ", bare).strip()


def purpose(text: str) -> str:
    """What a transfer is for, as it stands in the payload."""
    return plain_letters(text)[:PURPOSE_LETTERS].strip()


def transfer(account: BankAccount, amount: Dong, reason: str) -> str:
    """A transfer of `amount` đồng; without an amount where there is nothing to pay."""
    beneficiary = _object("00", account.bin) + _object("01", account.number)
    to = _object("00", _NAPAS) + _object("01", beneficiary) + _object("02", _TO_ACCOUNT)
    told = purpose(reason)
    payload = (
        _object("00", "01")
        + _object("01", "12" if amount > 0 else "11")
        + _object("38", to)
        + _object("53", _VND)
        + (_object("54", str(amount)) if amount > 0 else "")
        + _object("58", "VN")
        + (_object("62", _object("08", told)) if told else "")
        + "6304"
    )
    return payload + checksum(payload)


def draw(page: Page, x: float, y: float, side: float, content: str) -> None:
    """The code as a square of `side` mm, its quiet zone of four modules included; its error correction
    bears a fold or a stain (level M)."""
    code = segno.make_qr(content, error="m", boost_error=False)
    page.cells(x, y, side, [bytes(row) for row in code.matrix_iter(border=4)])
