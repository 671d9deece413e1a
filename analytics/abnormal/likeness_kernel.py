"""How a day compares with a household's own days: as it is, mirrored, and blown up from a fraction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.abnormal.day_kernel import correlation
from analytics.kernels import kernel

Floats = npt.NDArray[np.float64]
FINE, COARSE = 0.05, 0.2  # widths of bins of log(Wh + floor)
NEIGHBOURS = 5


@kernel("int64(float64, float64, float64, int64)")
def bin_of(value: float, lowest: float, width: float, count: int) -> int:
    """Number of the bin, those outside counted to the outermost."""
    place = int((value - lowest) / width)
    return min(max(place, 0), count - 1)


@kernel("void(float64[:, ::1], float64, float64, float64[::1], float64[:, ::1], float64[:, ::1])")
def count(days: Floats, floor: float, lowest: float, values: Floats, slots: Floats, steps: Floats) -> None:
    """Add the days' values by fine bin, by slot and coarse bin (neighbouring slots weigh less), and the steps
    from coarse bin to coarse bin."""
    fine, coarse = len(values), slots.shape[1]
    for d in range(days.shape[0]):
        before = -1
        for i in range(48):
            log = np.log(days[d, i] + floor)
            values[bin_of(log, lowest, FINE, fine)] += 1
            now = bin_of(log, lowest, COARSE, coarse)
            for shift in range(-2, 3):
                slots[(i + shift) % 48, now] += 1.0 if shift == 0 else 0.6 if abs(shift) == 1 else 0.25
            if before >= 0:
                steps[before, now] += 1
            before = now


@kernel(
    "UniTuple(float64, 3)(float64[::1], float64, boolean, float64, float64, float64[::1], float64[:, ::1],"
    " float64[:, ::1])"
)
def likelihood(
    x: Floats,
    scale: float,
    mirrored: bool,
    floor: float,
    lowest: float,
    values: Floats,
    slots: Floats,
    steps: Floats,
) -> tuple[float, float, float]:
    """Mean logarithm by value, by value at its slot, and what steps add, of the day over `scale`."""
    fine, coarse = len(values), slots.shape[1]
    by_value, by_slot, by_step, before = 0.0, 0.0, 0.0, -1
    for i in range(48):
        log = np.log((x[47 - i] if mirrored else x[i]) / scale + floor)
        by_value += values[bin_of(log, lowest, FINE, fine)]
        now = bin_of(log, lowest, COARSE, coarse)
        by_slot += slots[i, now]
        if before >= 0:
            by_step += steps[before, now]
        before = now
    return by_value / 48, by_slot / 48, by_step / 48


@kernel("float64(float64[::1], float64, boolean, float64, float64[:, ::1])")
def nearest(x: Floats, scale: float, mirrored: bool, floor: float, hours: Floats) -> float:
    """Mean distance of log hours to the `NEIGHBOURS` nearest of the household's days."""
    log = np.empty(24)
    for i in range(24):
        pair = x[47 - 2 * i] + x[46 - 2 * i] if mirrored else x[2 * i] + x[2 * i + 1]
        log[i] = np.log(pair / 2 / scale + floor)
    best = np.full(NEIGHBOURS, 1e6)
    for d in range(hours.shape[0]):
        off = 0.0
        for i in range(24):
            off += abs(log[i] - hours[d, i])
            if off >= best[NEIGHBOURS - 1]:
                break
        if off < best[NEIGHBOURS - 1]:
            place = NEIGHBOURS - 1
            while place > 0 and best[place - 1] > off:
                best[place] = best[place - 1]
                place -= 1
            best[place] = off
    return float(best.mean() / 24)


@kernel(
    "void(float64[:, ::1], int64[::1], float64, float64, float64[::1], float64[:, ::1], float64[:, ::1],"
    " float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64[::1],"
    " float64[:, ::1])"
)
def likeness(
    days: Floats,
    rest: npt.NDArray[np.int64],
    floor: float,
    lowest: float,
    values: Floats,
    slots: Floats,
    steps: Floats,
    profiles: Floats,
    log_profiles: Floats,
    hours: Floats,
    mirror: Floats,
    fractions: Floats,
    multiples: Floats,
    out: Floats,
) -> None:
    """(n, 34) in the order of `names.LIKENESS`; `rest` 1 on days of rest, `profiles` (2, 48) Wh of working
    days and days of rest, `hours` (d, 24) logarithms of the household's days."""
    logs, log_hours, off = np.empty(48), np.empty(24), np.empty(48)
    for d in range(days.shape[0]):
        x, row = days[d], out[d]
        usual, log_usual = profiles[rest[d]], log_profiles[rest[d]]
        for i in range(48):
            logs[i] = np.log(x[i] + floor)
            off[i] = logs[i] - log_usual[i]
        row[0], row[1] = correlation(x, usual, False), correlation(x, usual, True)
        row[3], row[4] = correlation(logs, log_usual, False), correlation(logs, log_usual, True)
        row[2], row[5] = row[0] - row[1], row[3] - row[4]
        value, slot, step = likelihood(x, 1.0, False, floor, lowest, values, slots, steps)
        row[6], row[7], row[8] = value, slot, step
        _, slot_back, step_back = likelihood(x, 1.0, True, floor, lowest, values, slots, steps)
        row[9], row[10] = slot - slot_back, step - step_back
        near = nearest(x, 1.0, False, floor, hours)
        row[11], row[12] = near, near - nearest(x, 1.0, True, floor, hours)
        best_value, best_slot, best_both, best_near = -1e9, -1e9, -1e9, 1e9
        for scale in fractions:
            a, b, c = likelihood(x, scale, False, floor, lowest, values, slots, steps)
            e = nearest(x, scale, False, floor, hours)
            if a > best_value:
                best_value, row[17] = a, np.log(scale)
            if b > best_slot:
                best_slot, row[18] = b, np.log(scale)
            if b + c > best_both:
                best_both, row[19] = b + c, np.log(scale)
            if e < best_near:
                best_near, row[20] = e, np.log(scale)
        row[13], row[14], row[15] = best_value - value, best_slot - slot, best_both - slot - step
        row[16] = near - best_near
        up_slot, up_near = -1e9, 1e9
        for scale in multiples:
            _, b, _ = likelihood(x, scale, False, floor, lowest, values, slots, steps)
            up_slot, up_near = max(up_slot, b), min(up_near, nearest(x, scale, False, floor, hours))
        row[21], row[22] = up_slot - slot, near - up_near
        row[23] = 0.0
        for i in range(24):
            log_hours[i] = np.log((x[2 * i] + x[2 * i + 1]) / 2 + floor)
            row[23] += log_hours[i] * mirror[i]
        ordered = np.sort(off)
        row[24], row[25], row[26], row[27] = off.mean(), off.std(), ordered[4], ordered[43]
        row[28] = np.abs(off).mean()
        row[29] = off[:24].mean() - off[24:].mean()
        row[30] = np.abs(off[1:] - off[:-1]).mean()
        across, along = 0.0, 1e-6
        for i in range(48):
            along += (usual[i] - usual.mean()) ** 2
            across += (usual[i] - usual.mean()) * (x[i] - x.mean())
        row[31] = across / along
        row[32] = (x.mean() - row[31] * usual.mean()) / (usual.mean() + floor)
        row[33] = 0.0
        for i in range(48):
            row[33] += (abs(off[i]) - abs(logs[47 - i] - log_usual[i])) / 48
