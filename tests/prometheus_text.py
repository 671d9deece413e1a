"""What `promtool check metrics` looks at, and a little more: is this what a Prometheus should be given?"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection

from prometheus_client.parser import text_string_to_metric_families

NAME = re.compile(r"[a-z][a-z0-9_]*")
SUFFIXES = ("_bucket", "_sum", "_count")
NO_UNITS = ("_ms", "_milliseconds", "_minutes", "_hours", "_percent", "_kilobytes", "_megabytes")
MOST_VALUES = 64  # of one label


def family_of(sample: str, types: dict[str, str]) -> str:
    """The family a sample's name belongs to."""
    for suffix in SUFFIXES:
        family = sample.removesuffix(suffix)
        if family != sample and types.get(family) == "histogram":
            return family
    return sample


def faults(text: str, forbidden: Collection[str] = ()) -> list[str]:
    """What is wrong with it; `forbidden` are words that must not stand in any label."""
    found: list[str] = []
    helps: Counter[str] = Counter()
    types: dict[str, str] = {}
    order: list[str] = []
    if not text.endswith("\n"):
        found.append("the last line has no end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, said = line.split(" ", 3)
            helps[name] += 1
            if not said.endswith("."):
                found.append(f"{name}: its help is no sentence")
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name in types:
                found.append(f"{name}: two types")
            types[name] = kind
        elif line:
            name = family_of(re.split(r"[ {]", line, maxsplit=1)[0], types)
            if name not in types:
                found.append(f"{name}: a sample before its type")
            if not order or order[-1] != name:
                order.append(name)
    found += [f"{name}: its samples stand apart" for name, times in Counter(order).items() if times > 1]
    found += [f"{name}: {helps[name]} helps" for name in types if helps[name] != 1]
    for name, kind in types.items():
        if not NAME.fullmatch(name) or not name.startswith("ami_"):
            found.append(f"{name}: not a name of ours")
        if (kind == "counter") != name.endswith("_total"):
            found.append(f"{name}: a {kind} of that name")
        if name.endswith(NO_UNITS):
            found.append(f"{name}: not in base units")
    return found + _samples(text, forbidden)


def _samples(text: str, forbidden: Collection[str]) -> list[str]:
    found: list[str] = []
    series: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    labels: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    buckets: defaultdict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[float, float]]]
    buckets = defaultdict(list)
    counts = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = tuple(sorted(sample.labels.items()))
            series[sample.name, key] += 1
            for label, value in key:
                if label != "le":
                    labels[family.name, label].add(value)
                if any(word in value for word in forbidden):
                    found.append(f"{sample.name}: names {value}")
            rest = tuple(each for each in key if each[0] != "le")
            if sample.name.endswith("_bucket"):
                buckets[family.name, rest].append((float(sample.labels["le"]), sample.value))
            elif sample.name.endswith("_count"):
                counts[family.name, rest] = sample.value
            if family.type in ("counter", "histogram") and not sample.value >= 0:
                found.append(f"{sample.name}: below zero")
    found += [f"{name} {key}: twice" for (name, key), times in series.items() if times > 1]
    found += [
        f"{name}: {len(values)} values of {label}"
        for (name, label), values in labels.items()
        if len(values) > MOST_VALUES
    ]
    for (name, rest), steps in buckets.items():
        if sorted(steps) != steps or sorted(value for _, value in steps) != [value for _, value in steps]:
            found.append(f"{name} {rest}: its buckets do not grow")
        if steps[-1] != (math.inf, counts.get((name, rest))):
            found.append(f"{name} {rest}: its last bucket is not its count")
    return found


def values(text: str) -> dict[str, float]:
    """Samples without labels, by name."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


def sums(text: str) -> dict[str, float]:
    """Every sample's name with the sum over its labels."""
    total: defaultdict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            total[sample.name] += sample.value
    return dict(total)
