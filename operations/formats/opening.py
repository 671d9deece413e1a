"""A file as it lies there, plain, gzip or zip, unpacked within bounds."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

from operations.formats.values import Unusable
from operations.letters import NoLetters, decoded

LARGEST: Final = 128 * 1024 * 1024  # bytes, unpacked
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")  # with files, and without one
_WORKBOOK: Final = "[Content_Types].xml"  # what makes a zip an Office document
_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, OSError, RuntimeError, ValueError,
)  # fmt: skip
_LEFT_ASIDE: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def opened(path: Path, *, largest: int = LARGEST) -> bytes:
    """The bytes of a file, or of the one file that is packed in it; a workbook stays packed.

    Raises `Unusable` for what cannot be read, is cut off, holds several files, or unpacks to more than
    `largest` bytes.
    """
    try:
        with path.open("rb") as file:
            raw = _within(file, largest)
    except OSError as error:
        raise Unusable(0, f"the file cannot be opened ({error.strerror}): check its path") from error
    return unpacked(raw, largest=largest)


def unpacked(raw: bytes, *, largest: int = LARGEST) -> bytes:
    """As `opened`, of bytes at hand."""
    packed = raw.startswith((_GZIP, *_ZIP))
    if raw.startswith(_GZIP):
        raw = _gzip(raw, largest)
    elif packed and not _is_workbook(raw):
        raw = _zip(raw, largest)
    if packed and raw.startswith((_GZIP, *_ZIP)) and not _is_workbook(raw):
        raise Unusable(0, "another packed file is in it: unpack it, and bring in what is inside")
    if not raw.strip():
        raise Unusable(0, "the file is empty: export it again")
    return raw


def _within(file: IO[bytes] | gzip.GzipFile, largest: int) -> bytes:
    raw = file.read(largest + 1)
    if len(raw) > largest:
        raise Unusable(0, f"the file holds more than {largest // 1024**2} MB, unpacked: split it")
    return raw


def _gzip(raw: bytes, largest: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            return _within(file, largest)
    except EOFError as error:
        raise Unusable(0, "the gzip file is cut off: fetch it again") from error
    except _DAMAGED as error:
        raise Unusable(0, f"the gzip file is damaged ({error}): fetch it again") from error


def _zip(raw: bytes, largest: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = [info for info in archive.infolist() if not _is_aside(info)]
            if len(names) != 1:
                raise Unusable(0, f"the zip file holds {len(names)} files: pack one file in each")
            if names[0].flag_bits & 1:
                raise Unusable(0, "the zip file wants a password: unpack it first")
            with archive.open(names[0]) as file:
                return _within(file, largest)
    except _DAMAGED as error:
        raise Unusable(0, f"the zip file is cut off or damaged ({_said(error)}): fetch it again") from error


def _is_workbook(raw: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _WORKBOOK in archive.namelist()
    except _DAMAGED:
        return False


def _is_aside(info: zipfile.ZipInfo) -> bool:
    return (
        info.is_dir() or info.filename.startswith(_LEFT_ASIDE[0]) or info.filename.endswith(_LEFT_ASIDE[1:])
    )


def _said(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__


def lines_of(raw: bytes) -> list[str]:
    """The lines of a text in UTF-8 or, with its mark, UTF-16; any line ends. Raises `Unusable`."""
    try:
        text = decoded(raw, "save it as UTF-8")
    except NoLetters as error:
        raise Unusable(error.line, error.why) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
