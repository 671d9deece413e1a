"""Counters and histograms for what every conversation counts several times, in a tenth of the time.

They are shown as those of `prometheus_client`, but belong to one thread, the event loop's: they have no lock.
Others may read them at any time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Counted(Collector):
    """A counter; `name` ends in `_total`."""

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._counts: dict[tuple[str, ...], int] = {} if labels else {(): 0}
        registry.register(self)

    def inc(self, *labels: str) -> None:
        """One more of this kind."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in sorted(self._counts.items()):
            family.add_metric(labels, count)
        yield family


class Spread:
    """How many values lie below each of some bounds, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self) -> tuple[list[tuple[str, float]], float]:
        """By bound how many values are not above it, and the sum of all."""
        below, buckets = 0, []
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            below += count
            buckets.append((floatToGoString(bound), float(below)))  # type: ignore[no-untyped-call]
        return buckets, self._sum


class Spreads(Collector):
    """A histogram: a `Spread` for each of the `values` of its one label, or one alone."""

    def __init__(
        self, name: str, text: str, bounds: Sequence[float], registry: CollectorRegistry,
        label: str = "", values: Iterable[str] = ("",),
    ) -> None:  # fmt: skip
        self._name, self._text, self._label = name, text, label
        self._spreads = {value: Spread(bounds) for value in values}
        registry.register(self)

    def of(self, value: str = "") -> Spread:
        """That of one value of the label."""
        return self._spreads[value]

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        label = [self._label] if self._label else []
        family = HistogramMetricFamily(self._name, self._text, labels=label)
        for value, spread in self._spreads.items():
            family.add_metric([value] if self._label else [], *spread.samples())
        yield family
