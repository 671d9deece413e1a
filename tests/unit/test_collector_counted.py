"""What every conversation counts is shown as prometheus_client itself would show it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from collector.polling.urgency import Urgency
from collector.watch import metrics
from collector.watch.counted import Counted, Spreads

BOUNDS = (0.05, 1.0, 60.0)
LABELS = st.tuples(st.sampled_from(("dlms", "modbus")), st.sampled_from(("ok", "timeout")))


@given(st.lists(LABELS))
def test_a_counter_is_shown_as_another(kinds: list[tuple[str, str]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    quick = Counted("ami_reads_total", "Reads.", ("protocol", "outcome"), ours)
    slow = Counter("ami_reads_total", "Reads.", ("protocol", "outcome"), registry=theirs)
    for labels in kinds:
        quick.inc(*labels)
        slow.labels(*labels).inc()
    assert sorted(generate_latest(ours).splitlines()) == sorted(generate_latest(theirs).splitlines())


@given(st.lists(st.sampled_from((0.0, 0.05, 0.5, 1.0, 1.5, 60.0, 61.0)) | st.floats(0, 1e6)))
def test_a_histogram_is_shown_as_another(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    quick = Spreads("ami_wait_seconds", "Waits.", BOUNDS, ours, "urgency", ("routine",)).of("routine")
    slow = Histogram("ami_wait_seconds", "Waits.", ("urgency",), buckets=BOUNDS, registry=theirs)
    child = slow.labels("routine")
    for value in values:
        quick.observe(value)
        child.observe(value)
    assert generate_latest(ours) == generate_latest(theirs)


def test_what_has_no_label_is_shown_before_anything_was_counted() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    Counted("ami_due_total", "Due.", (), ours)
    Spreads("ami_poll_seconds", "Polls.", BOUNDS, ours)
    Counter("ami_due_total", "Due.", registry=theirs)
    Histogram("ami_poll_seconds", "Polls.", buckets=BOUNDS, registry=theirs)
    assert generate_latest(ours) == generate_latest(theirs)


def test_every_urgency_has_its_histogram() -> None:
    assert [urgency.name.lower() for urgency in Urgency] == list(metrics.URGENCIES)
