"""Packed files: unpacked within bounds, and refused in one sentence when they are cut off or bombs."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path

import pytest

from operations.formats.opening import lines_of, opened, unpacked
from operations.formats.values import Unusable

TEXT = b"meter,timestamp,kwh\n" * 40


def packed(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files:
            archive.writestr(name, raw)
    return out.getvalue()


def test_plain_gzip_and_zip_are_the_same_file(tmp_path: Path) -> None:
    aside = (("__MACOSX/._a.csv", b"x"), ("folder/", b""), (".DS_Store", b"y"))
    for name, raw in (
        ("a.csv", TEXT),
        ("a.csv.gz", gzip.compress(TEXT)),
        ("A.ZIP", packed(("A.CSV", TEXT))),
        ("b.zip", packed(*aside, ("folder/a.csv", TEXT))),
    ):
        (tmp_path / name).write_bytes(raw)
        assert opened(tmp_path / name) == TEXT


def test_a_workbook_stays_packed() -> None:
    assert unpacked(b"PK0001,1\n") == b"PK0001,1\n"  # a customer's code
    raw = packed(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b""))
    assert unpacked(gzip.compress(raw)) == unpacked(packed(("a.xlsx", raw))) == raw
    assert unpacked(raw) == raw


def bomb(size: int) -> bytes:
    return packed(("a.csv", b"\0" * size))


def lying() -> bytes:
    """A zip that says its file is small."""
    raw = bytearray(bomb(3_000_000))
    size = (3_000_000).to_bytes(4, "little")
    return bytes(raw).replace(size, (10).to_bytes(4, "little"))


WRONG = {
    "two files": (packed(("a", TEXT), ("b", TEXT)), "holds 2 files"),
    "no file": (packed(), "holds 0 files|cut off or damaged"),
    "gzip cut off": (gzip.compress(TEXT * 99)[:-20], "the gzip file is cut off"),
    "gzip damaged": (b"\x1f\x8b\x08" + b"\xff" * 60, "the gzip file is"),
    "gzip with another sum": (gzip.compress(TEXT)[:-8] + b"\0" * 8, "the gzip file is damaged"),
    "zip cut off": (packed(("a", TEXT * 99))[:-30], "the zip file is cut off or damaged"),
    "zip damaged": (
        packed(("a", TEXT * 99)).replace(zlib.crc32(TEXT * 99).to_bytes(4, "little"), b"abcd"),
        "damaged",
    ),
    "zip bomb": (bomb(2_000_000), "more than 1 MB"),
    "gzip bomb": (gzip.compress(b"\0" * 2_000_000), "more than 1 MB"),
    "zip that lies": (lying(), "more than 1 MB|damaged"),
    "a zip in a zip": (packed(("a.zip", packed(("a", TEXT)))), "another packed file is in it"),
    "a gzip in a zip": (packed(("a.gz", gzip.compress(TEXT))), "another packed file is in it"),
    "a zip in a gzip": (gzip.compress(packed(("a", TEXT))), "another packed file is in it"),
    "empty": (b"", "the file is empty"),
    "blank": (gzip.compress(b" \r\n"), "the file is empty"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_unpacked_is_refused_in_a_sentence(case: str) -> None:
    raw, why = WRONG[case]
    with pytest.raises(Unusable, match=why) as refused:
        unpacked(raw, largest=1024**2)
    assert "\n" not in str(refused.value)


def test_a_plain_file_has_a_bound_too_and_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"a" * 2_000_000)
    for path, why in (("large", "more than 1 MB"), ("none", "cannot be opened"), (".", "cannot be opened")):
        with pytest.raises(Unusable, match=why):
            opened(tmp_path / path, largest=1024**2)


@pytest.mark.parametrize(
    ("raw", "line", "why"),
    [
        ("a\nb\nvào đây\n".encode("cp1258"), 3, "the letters are not UTF-8"),
        ("a\nđ".encode("utf-16-le"), 1, "zero bytes|not UTF-8"),
        (b"\xff\xfea", 1, "the letters are not UTF-16"),
        (b"a\nb\0c", 2, "zero bytes"),
    ],
)
def test_other_letters_are_refused_with_their_line(raw: bytes, line: int, why: str) -> None:
    with pytest.raises(Unusable, match=why) as refused:
        lines_of(raw)
    assert refused.value.line == line
