"""Writes schedule.json: learning-rate factors of schedules, by their papers' formulas in Python floats.

usage: make_schedule.py > schedule.json   (Python 3)

One cycle is PyTorch's OneCycleLR (annealing "cos", two phases) with its defaults, over the highest rate.
"""
import json
import math
import sys


def cosine(start, end, share):
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def one_cycle(step, steps, rise):
    top, last = rise * steps - 1, steps - 1
    if step <= top:
        return cosine(1 / 25, 1, step / top)
    return cosine(1, 1 / 25 / 1e4, (step - top) / (last - top))


def warm(warmup, after):
    def factor(step, steps, per_epoch):
        length = int(warmup * steps)
        if step < length:
            return (step + 1) / length
        return after((step - length) / (steps - length))
    return factor


cases = [
    ({}, lambda i, n, e: 1),
    ({"kind": "constant", "warmup": 0.1}, warm(0.1, lambda t: 1)),
    ({"kind": "step", "every": 3, "drop": 0.5}, lambda i, n, e: 0.5 ** (i // e // 3)),
    ({"kind": "step"}, lambda i, n, e: 0.1 ** (i // e // 10)),
    ({"kind": "cosine"}, warm(0, lambda t: cosine(1, 0, t))),
    ({"kind": "cosine", "warmup": 0.25, "floor": 0.1}, warm(0.25, lambda t: cosine(1, 0.1, t))),
    ({"kind": "one_cycle"}, lambda i, n, e: one_cycle(i, n, 0.3)),
    ({"kind": "one_cycle", "warmup": 0.5}, lambda i, n, e: one_cycle(i, n, 0.5)),
    ({"kind": "multi_cycle"}, warm(0, lambda t: (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2)),
    ({"kind": "flat_cosine"}, warm(0, lambda t: 1 if t < 0.5 else cosine(1, 0, 2 * t - 1))),
]
out = []
for schedule, factor in cases:
    for steps, per_epoch in [(120, 5), (1000, 20)]:
        at = range(0, steps, steps // 40)
        out.append({"schedule": schedule, "steps": steps, "per_epoch": per_epoch, "at": list(at),
                    "factors": [factor(i, steps, per_epoch) for i in at]})
json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
print()
