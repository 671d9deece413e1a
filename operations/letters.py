"""The letters of a file that a spreadsheet, a meter or somebody's program wrote."""

from __future__ import annotations

from operations.errors import InputError


class NoLetters(InputError):
    """The bytes are no text; `line` counts from 1."""

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        self.why = why
        super().__init__(f"line {line}: {why}")


def decoded(raw: bytes, advice: str) -> str:
    """The text, in UTF-8 or, with its mark, UTF-16 (a spreadsheet's “Unicode text”). Raises `NoLetters`, with
    `advice` how to save it in letters that can be read.
    """
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        named = encoding.removesuffix("-sig").upper()
        raise NoLetters(line, f"the letters are not {named}: {advice}") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise NoLetters(line, "there are zero bytes, so this is no text: export the file again")
    return text
