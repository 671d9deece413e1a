"""Green Button: feeds of other senders, and XML that is refused before it does harm."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from operations.formats import greenbutton
from operations.formats.values import FileReadings, Unusable
from operations.formats.xml_tree import DEEPEST, Node, pieces

START = 1_793_466_000


def link(rel: str, href: str) -> str:
    return f'<link rel="{rel}" href="{href}"/>'


def entry(content: str, own: str, *related: str, up: str = "") -> str:
    links = link("self", own) + (link("up", up) if up else "") + "".join(link("related", r) for r in related)
    return f"<entry>{links}<content>{content}</content></entry>"


def reading(at: int, value: object = 7, quality: str = "", length: object = 1800) -> str:
    said = f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>" if quality else ""
    period = f"<timePeriod><duration>{length}</duration><start>{at}</start></timePeriod>"
    return f"<IntervalReading>{said}{period}<value>{value}</value></IntervalReading>"


def kind(**given: object) -> str:
    fields = {
        "accumulationBehaviour": 4,
        "commodity": 1,
        "flowDirection": 1,
        "intervalLength": 1800,
        "powerOfTenMultiplier": 0,
        "uom": 72,
    } | given
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if value is not None)
    return f"<ReadingType>{inner}</ReadingType>"


def feed(*entries: str) -> bytes:
    root = '<feed xmlns="http://www.w3.org/2005/Atom">'
    espi = ("UsagePoint", "MeterReading", "ReadingType", "IntervalBlock")
    text = "\n".join(entries)
    for name in espi:
        text = text.replace(f"<{name}>", f'<{name} xmlns="http://naesb.org/espi">')
    return f"<?xml version='1.0'?>\n{root}\n{text}\n</feed>".encode()


BLOCKS = "/espi/UsagePoint/48/MeterReading/1/IntervalBlock"
POINT, READING, TYPE = "/espi/UsagePoint/48", "/espi/UsagePoint/48/MeterReading/1", "/espi/ReadingType/7"


def usual(*readings: str, **given: Any) -> bytes:
    return feed(
        entry("<UsagePoint></UsagePoint>", POINT, f"{POINT}/MeterReading"),
        entry("<MeterReading></MeterReading>", READING, f"{READING}/IntervalBlock", TYPE),
        entry(kind(**given), TYPE),
        entry(f"<IntervalBlock>{''.join(readings)}</IntervalBlock>", f"{BLOCKS}/1", up=BLOCKS),
    )


def read(raw: bytes) -> FileReadings:
    return greenbutton.read(raw)


def test_a_feed_is_read_by_its_links() -> None:
    found = read(usual(reading(START + 1800, 9, "8"), reading(START, 7), powerOfTenMultiplier=3))
    [one] = found.intervals
    assert (one.meter, one.channel, one.unit, one.interval_s) == ("48", "active_import", "kWh", 1800)
    assert (one.at.tolist(), one.value, one.flag) == (
        [START, START + 1800],
        [Decimal(7), Decimal(9)],
        ["0", "8"],
    )


def test_several_directions_are_told_apart() -> None:
    other, there = "/espi/UsagePoint/48/MeterReading/2", "/espi/ReadingType/8"
    found = read(
        feed(
            entry("<UsagePoint></UsagePoint>", POINT),
            entry("<MeterReading></MeterReading>", READING, f"{READING}/IntervalBlock", TYPE),
            entry("<MeterReading></MeterReading>", other, f"{other}/IntervalBlock", there),
            entry(kind(flowDirection=19, uom=73, powerOfTenMultiplier=-3), there),
            entry(kind(), TYPE),
            entry(f"<IntervalBlock>{reading(START, 1)}</IntervalBlock>", f"{other}/IntervalBlock/1"),
            entry(f"<IntervalBlock>{reading(START, 2)}</IntervalBlock>", f"{READING}/IntervalBlock/1"),
        )
    )
    assert {one.channel: (one.unit, one.value) for one in found.intervals} == {
        "reactive_export": ("varh", [Decimal("0.001")]),
        "active_import": ("Wh", [Decimal(2)]),
    }


def two_points(*, up: tuple[str, str] = ("", ""), related: tuple[str, str] = ("/none", "/none")) -> bytes:
    """Two usage points whose readings do not stand below them."""
    parts = []
    for place, name in enumerate("AB"):
        parts += [
            entry("<UsagePoint></UsagePoint>", f"/u/{name}", related[place]),
            entry("<MeterReading></MeterReading>", f"/m/{name}", f"/b/{name}", "/t", up=up[place]),
            entry(
                f"<IntervalBlock>{reading(START, place + 1)}</IntervalBlock>", f"/b/{name}/1", up=f"/b/{name}"
            ),
        ]
    return feed(*parts, entry(kind(), "/t"))


@pytest.mark.parametrize(
    "links", [{"up": ("/u/A/MeterReading", "/u/B")}, {"related": ("/m/A", "/m/B")}], ids=["up", "related"]
)
def test_points_are_told_apart_by_whichever_link_there_is(links: dict[str, tuple[str, str]]) -> None:
    found = read(two_points(**links))
    assert [(one.meter, one.value) for one in found.intervals] == [("A", [1]), ("B", [2])]


def test_what_no_link_ties_to_one_of_two_points_is_given_to_neither() -> None:
    with pytest.raises(Unusable, match="which of 2 usage points"):
        read(two_points())


def test_sums_of_a_day_beside_its_half_hours_are_not_counted_twice() -> None:
    halves = [reading(START + 1800 * slot) for slot in range(48)]
    next_day = reading(START + 86_400, 99, "", 86_400)
    found = read(usual(reading(START, 336, "", 86_400), next_day, *halves))
    assert sorted((one.interval_s, sum(v or 0 for v in one.value)) for one in found.intervals) == [
        (1800, 336),
        (86_400, 99),
    ]
    [one] = found.rejected
    assert "1 readings of 86400 s span" in one.why


BAD_READINGS = {
    "twice": (reading(START, 9), "repeat an interval"),
    "no value": (reading(START + 1800, ""), "is no whole number"),
    "a fraction": (reading(START + 1800, "1.5"), "is no whole number"),
    "below zero": (reading(START + 1800, -1), "is not below zero"),
    "too large": (reading(START + 1800, 10**15), "is no whole number"),
    "no start": (reading("soon"), "does not say when"),  # type: ignore[arg-type]
    "long ago": (reading(-5), "does not say when"),
    "in the year 36812": (reading(2**39), "does not say when"),
    "too long": (reading(START + 1800, 1, "", 40 * 86_400), "is none of a load profile"),
    "a moment": (reading(START + 1800, 1, "", 1), "is none of a load profile"),
    "unknown quality": (reading(START + 1800, 1, "99"), "is no quality"),
}


@pytest.mark.parametrize("case", BAD_READINGS)
def test_a_reading_with_a_fault_is_left_out(case: str) -> None:
    bad, why = BAD_READINGS[case]
    found = read(usual(reading(START), bad))
    [one] = found.rejected
    assert why in one.why
    assert one.line > 1
    assert found.intervals[0].value == [Decimal(7)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"commodity": 7}, "no electricity"),
        ({"uom": 38}, "Wh and varh can be read"),
        ({"accumulationBehaviour": 3}, "gives an index"),
        ({"powerOfTenMultiplier": 99}, "power of ten"),
        ({"powerOfTenMultiplier": "many"}, "power of ten"),
        ({"flowDirection": 4}, "in direction 4"),
    ],
)
def test_what_is_no_interval_energy_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(Unusable, match=why):
        read(usual(reading(START), **given))


LAUGHS = "".join(f'<!ENTITY l{i} "{"".join(f"&l{i - 1};" * 10)}">' for i in range(1, 10))
BOMBS = {
    "billion laughs": (f'<!DOCTYPE f [<!ENTITY l0 "ha">{LAUGHS}]><f>&l9;</f>', "declares a document type"),
    "a file of the machine": (
        '<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><f>&x;</f>',
        "document type",
    ),
    "another's definitions": ('<!DOCTYPE f SYSTEM "http://127.0.0.1/f.dtd"><f/>', "declares a document type"),
    "too deep": ("<entry>" * (DEEPEST + 1) + "</entry>" * (DEEPEST + 1), "stand within each other"),
    "deep outside of entries": ("<a>" * 100_000, "stand within each other"),
    "no end": ("<feed><entry>", "no whole XML"),
    "no XML": ("meter,timestamp,kwh", "no whole XML"),
    "two roots": ("<feed/><feed/>", "no whole XML"),
    "an entity nobody declared": ("<feed>&nbsp;</feed>", "no whole XML"),
    "letters nobody has": ('<?xml version="1.0" encoding="klingon"?><feed/>', "no whole XML|cannot be read"),
    "another feed": ("<rss><channel/></rss>", "there is no reading in the file"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_bombs_are_refused_at_once_in_a_sentence(case: str) -> None:
    text, why = BOMBS[case]
    began = time.process_time()
    with pytest.raises(Unusable, match=why) as refused:
        read(text.encode())
    assert time.process_time() - began < 1
    assert "\n" not in str(refused.value)


def test_one_piece_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.formats.xml_tree.MOST", 50)
    monkeypatch.setattr("operations.formats.xml_tree.LONGEST", 50)
    seen: list[Node] = []
    pieces(("<f>" + "<entry><a/></entry>" * 100 + "</f>").encode(), "entry", seen.append)
    assert len(seen) == 100
    for text, why in (
        ("<entry>" + "<a/>" * 60 + "</entry>", "holds more than 50 elements"),
        ("<entry>" + "a" * 60 + "</entry>", "more than 50 letters"),
    ):
        with pytest.raises(Unusable, match=why):
            pieces(text.encode(), "entry", seen.append)
