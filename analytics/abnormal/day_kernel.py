"""What a day's 48 values say by themselves: levels, steps, shape. Compiled; the tests hold slow twins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.kernels import kernel

Floats = npt.NDArray[np.float64]


@kernel("float64(float64[::1], float64)")
def quantile(ordered: Floats, share: float) -> float:
    """Linear between neighbours, as numpy's."""
    place = share * (len(ordered) - 1)
    below = int(place)
    if below + 1 >= len(ordered):
        return float(ordered[below])
    return float(ordered[below] + (place - below) * (ordered[below + 1] - ordered[below]))


@kernel("float64(float64[::1], float64[::1], boolean)")
def correlation(one: Floats, other: Floats, mirrored: bool) -> float:
    """Pearson's, of `one` with `other` or its mirror image; 0 where one of them is constant."""
    n = len(one)
    a, b = one.mean(), other.mean()
    both, left, right = 0.0, 0.0, 0.0
    for i in range(n):
        da = one[i] - a
        db = (other[n - 1 - i] if mirrored else other[i]) - b
        both += da * db
        left += da * da
        right += db * db
    below = np.sqrt(left * right)
    return float(both / below) if below > 1e-9 else 0.0


@kernel("void(float64[:, ::1], float64, float64[:, ::1])")
def levels(days: Floats, floor: float, out: Floats) -> None:
    """(n, 23) logarithms of Wh + `floor`: total (as mean), lowest, quantiles, highest, spread, base, the mean
    and the lowest of each quarter of the day, steps; the order is that of `names.LEVELS`."""
    step = np.empty(47)
    for d in range(days.shape[0]):
        x, row = days[d], out[d]
        ordered = np.sort(x)
        row[0] = x.mean()
        row[1] = ordered[0]
        row[2], row[3], row[4] = quantile(ordered, 0.1), quantile(ordered, 0.25), quantile(ordered, 0.5)
        row[5], row[6], row[7] = quantile(ordered, 0.75), quantile(ordered, 0.9), ordered[47]
        row[8] = x.std()
        row[9] = ordered[:6].mean()
        for quarter in range(4):
            row[10 + quarter] = x[12 * quarter : 12 * quarter + 12].mean()
            row[14 + quarter] = x[12 * quarter : 12 * quarter + 12].min()
        for i in range(47):
            step[i] = abs(x[i + 1] - x[i])
        row[18] = step.mean()
        step.sort()
        row[19], row[20], row[21] = step[11], step[23], step[46]
        row[22] = ordered[45]
        for i in range(23):
            row[i] = np.log(row[i] + floor)


@kernel("void(float64[:, ::1], float64, float64[:, ::1])")
def shapes(days: Floats, floor: float, out: Floats) -> None:
    """(n, 24) figures free of scale, in the order of `names.SHAPES`."""
    step, logs, log_step = np.empty(47), np.empty(48), np.empty(47)
    for d in range(days.shape[0]):
        x, row = days[d], out[d]
        mean = x.mean() + 0.1 * floor + 1e-9
        squares, log_squares, rising = 0.0, 0.0, 0
        for i in range(48):
            logs[i] = np.log(x[i] + floor)
        for i in range(47):
            step[i] = x[i + 1] - x[i]
            log_step[i] = logs[i + 1] - logs[i]
            squares += step[i] * step[i]
            log_squares += log_step[i] * log_step[i]
            rising += 1 if step[i] > 0 else -1
        size = np.sqrt(squares / 47) + 1e-9
        log_size = np.sqrt(log_squares / 47) + 1e-9
        skew, log_skew, total = 0.0, 0.0, 0.0
        for i in range(47):
            skew += (step[i] / size) ** 3
            log_skew += (log_step[i] / log_size) ** 3
            total += abs(step[i])
        row[0], row[1], row[2], row[3] = total / 47 / mean, skew / 47, log_skew / 47, log_size
        row[4] = correlation(x[1:], x[:-1], False)
        row[5] = correlation(x[2:], x[:-2], False)
        row[6] = correlation(x[4:], x[:-4], False)
        row[7] = correlation(logs[1:], logs[:-1], False)
        row[8] = correlation(logs[2:], logs[:-2], False)
        row[9], row[10] = x.std() / mean, logs.std()
        zeros, run, longest, flat, flattest = 0, 0, 0, 0, 0
        for i in range(48):
            run = run + 1 if x[i] <= 0 else 0
            zeros += 1 if x[i] <= 0 else 0
            longest = max(longest, run)
            flat = flat + 1 if i > 0 and abs(x[i] - x[i - 1]) <= 1 + 0.02 * x[i] else 0
            flattest = max(flattest, flat)
        row[11], row[12], row[13] = zeros, longest, flattest
        for k in range(1, 4):
            cosine, sine = 0.0, 0.0
            for i in range(48):
                angle = 2 * np.pi * k * (i + 0.5) / 48
                cosine += x[i] * np.cos(angle)
                sine += x[i] * np.sin(angle)
            row[12 + 2 * k], row[13 + 2 * k] = cosine / 48 / mean, sine / 48 / mean
        ordered = np.sort(x)
        middle = quantile(ordered, 0.5) + floor
        row[20] = rising / 47
        row[21] = (ordered[11] - ordered[0]) / (ordered[23] + floor)
        row[22] = middle / (x.mean() + floor)
        row[23] = (ordered[47] + floor) / (x.mean() + floor)
