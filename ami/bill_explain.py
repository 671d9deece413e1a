"""`ami bill explain`: how a bill comes about, without a database."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import rich_click as click

from ami.console import out
from ami.failure import Exit, InputFailure, end, sentence
from analytics.billing import Rated, Request, rate
from analytics.errors import AnalyticsError, BillingError
from analytics.tariffs.files import SHIPPED
from model.jsonform import to_json
from operations import explaining
from operations.sentences import LANGUAGES

MOST = 64 * 2**20  # characters read at most


@dataclass(frozen=True, slots=True)
class Asked:
    """What was read: requests in their order (a `BillingError` for a line that is none), and whether they
    came as a list, as lines or alone.
    """

    requests: list[Any]
    form: str


@click.command("explain")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout: the answer, or what is wrong.")
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default="vi",
    envvar="AMI_LANG",
    show_default=True,
    help="Words in Vietnamese or English; figures, keys and refusals stay.",
)
@click.option(
    "--tariffs",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    help="Folder of countries (a folder each) to use instead of those that come along.",
)
@click.option(
    "--schema",
    type=click.Choice(["request", "answer"]),
    help="Print the JSON Schema of requests or of answers instead.",
)
def explain(file: Path | None, as_json: bool, lang: str, tariffs: Path | None, schema: str | None) -> None:
    """Work out one period of one customer from FILE or stdin, and say why it is so. No database.

    The request is a JSON object; a list of them, or one on each line, is answered in order.

    \b
    echo '{"plan": "vn-household", "from": "2026-09-01", "to": "2026-10-01", "kwh": {"KT": 134}}' |
        ami bill explain --lang en
    ami bill explain --json request.json

    A request that cannot be billed is refused in one sentence (exit 5; 3 when others were answered). Tariffs
    that are not in force are worked out as a what-if alone ("what_if": "14/2025/QĐ-TTg").
    """
    if schema is not None:
        path = Path(explaining.__file__).parents[1] / "analytics" / "billing" / f"{schema}.schema.json"
        sys.stdout.write(path.read_text(encoding="utf-8"))
        return
    try:
        asked = _asked(_read(file))
    except BillingError as error:
        _refuse_all(error, as_json)
        return
    answers = [_answer(request, tariffs or SHIPPED) for request in asked.requests]
    if as_json:
        _emit(asked.form, [_document(answer, lang) for answer in answers])
    elif answers:
        _print(answers, lang)
    refused = [answer for answer in answers if isinstance(answer, AnalyticsError)]
    if len(refused) == 1 == len(answers):
        raise InputFailure(sentence(refused[0].sentence))
    if refused:
        print(f"ami: {len(refused)} of {len(answers)} requests were refused.", file=sys.stderr)
        end(Exit.INPUT if len(refused) == len(answers) else Exit.PARTLY)


Answer = tuple[Request, Rated] | AnalyticsError


def _answer(document: Any, tariffs: Path) -> Answer:
    if isinstance(document, BillingError):
        return document
    try:
        request = Request.from_document(document)
        return request, rate(request, tariffs=tariffs)
    except AnalyticsError as error:
        return error


def _document(answer: Answer, language: str) -> dict[str, Any]:
    if isinstance(answer, AnalyticsError):
        return {"error": sentence(answer.sentence), "kind": answer.kind}
    return explaining.document(*answer, language)


def _refuse_all(error: BillingError, as_json: bool) -> None:
    if as_json:
        _emit("alone", [_document(error, "en")])
    raise InputFailure(sentence(error.sentence))


def _emit(form: str, documents: list[dict[str, Any]]) -> None:
    if form == "lines":
        raw = b"".join(orjson.dumps(to_json(one)) + b"\n" for one in documents)
    else:
        whole = documents if form == "list" else documents[0]
        raw = orjson.dumps(to_json(whole), option=orjson.OPT_INDENT_2) + b"\n"
    sys.stdout.write(raw.decode())
    sys.stdout.flush()


def _print(answers: list[Answer], language: str) -> None:
    for number, answer in enumerate(answers, start=1):
        if number > 1:
            out.print()
        if not isinstance(answer, AnalyticsError):
            for line in explaining.text(*answer, language):
                out.print(line, markup=False, soft_wrap=True)
        elif len(answers) > 1:
            out.print(f"{number}: {sentence(answer.sentence)}", markup=False, soft_wrap=True)


def _read(file: Path | None) -> str:
    if file is None and sys.stdin.isatty():
        raise click.UsageError("name a FILE with the request, or hand it in on stdin")
    try:
        if file is None or str(file) == "-":
            raw = sys.stdin.buffer.read(MOST + 1)
        else:
            with file.open("rb") as opened:
                raw = opened.read(MOST + 1)
    except OSError as error:
        raise BillingError(
            "bad_request", f"{file} cannot be read ({error.strerror}): name another file"
        ) from error
    if len(raw) > MOST:
        raise BillingError("bad_request", f"more than {MOST // 2**20} MiB of requests: hand them in by parts")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BillingError(
            "bad_request", f"byte {error.start} is no UTF-8: save the file as UTF-8"
        ) from error


def _asked(text: str) -> Asked:
    """The requests in a text: one object, a list, or an object on each line."""
    if not text.strip():
        raise BillingError("bad_request", "there is no request: hand in a JSON object, a list, or one a line")
    try:
        found = _parsed(text, 0)
    except BillingError:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith("{") for _, line in lines):
            raise
        return Asked([_parsed_or_why(line, number) for number, line in lines], "lines")
    if not isinstance(found, list):
        return Asked([found], "alone")
    if not found:
        raise BillingError("bad_request", "the list has no request in it")
    return Asked(found, "list")


def _parsed(text: str, line: int) -> Any:
    """The JSON value, its fractions exact; `line` where the text is one of several."""
    try:
        return json.loads(
            text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_without_doubles
        )
    except BillingError as error:
        where = f"line {line}: " if line else ""
        raise BillingError(error.kind, f"{where}{error.sentence}") from None
    except json.JSONDecodeError as error:
        at = f"line {line or error.lineno}, column {error.colno}"
        raise BillingError("bad_request", f"{at} is no JSON ({error.msg}): correct it") from None
    except (RecursionError, ValueError):
        where = f"line {line}" if line else "the request"
        raise BillingError("bad_request", f"{where} is nested too deep or holds a number too long") from None


def _parsed_or_why(text: str, line: int) -> Any:
    try:
        return _parsed(text, line)
    except BillingError as error:
        return error


def _no_number(text: str) -> Any:
    raise BillingError("bad_request", f"{text} is no number that can be billed")


def _without_doubles(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BillingError("bad_request", f"field {twice!r} stands there twice: keep one of them")
    return found
