"""Prints {"exp": GB/s, ...} of NumPy on one thread, by its own time: the best of slices of some 2 ms each, as
bench/kernel.go measures lathe's kernels. A number counts what a single pass would read and write. Functions that NumPy lacks are written as its users
write them, with the temporaries reused."""
import json
import sys
import time

import numpy as np

n, limit = int(sys.argv[1]), float(sys.argv[2]) / 1000
cols = 384
x = ((np.arange(n) % 17) / 16 - 0.5).astype(np.float32)
g, m, v, w, y, t, u = (x.copy() for _ in range(7))
v[:] = 0.5
rows, out = x[: n // cols * cols].reshape(-1, cols), y[: n // cols * cols].reshape(-1, cols)


def gelu():  # the form with tanh: NumPy has no erf
    np.multiply(x, x, out=t)
    np.multiply(t, 0.044715, out=t)
    np.add(t, 1, out=t)
    np.multiply(t, x, out=t)
    np.multiply(t, 0.7978845608, out=t)
    np.tanh(t, out=t)
    np.add(t, 1, out=t)
    np.multiply(t, x, out=y)
    np.multiply(y, 0.5, out=y)


def softmax():
    np.subtract(rows, rows.max(1, keepdims=True), out=out)
    np.exp(out, out=out)
    np.multiply(out, 1 / out.sum(1, keepdims=True), out=out)


def layer_norm():
    np.subtract(rows, rows.mean(1, keepdims=True), out=out)
    np.multiply(out, 1 / np.sqrt(np.square(out).mean(1, keepdims=True) + 1e-5), out=out)
    np.multiply(out, m[:cols], out=out)
    np.add(out, v[:cols], out=out)


def adam():
    np.subtract(g, m, out=t)
    np.multiply(t, 0.1, out=t)
    np.add(m, t, out=m)
    np.multiply(g, g, out=t)
    np.subtract(t, v, out=t)
    np.multiply(t, 0.001, out=t)
    np.add(v, t, out=v)
    np.sqrt(v, out=t)
    np.add(t, 1e-7, out=t)
    np.multiply(m, 1e-3, out=u)
    np.divide(u, t, out=u)
    np.subtract(w, u, out=w)


kernels = {
    "copy": (8, lambda: np.copyto(y, x)), "exp": (8, lambda: np.exp(x, out=y)), "tanh": (8, lambda: np.tanh(x, out=y)),
    "gelu": (8, gelu), "softmax": (8, softmax), "layernorm": (8, layer_norm), "adam": (28, adam),
}


def run(f, times):
    start = time.thread_time()
    for _ in range(times):
        f()
    return time.thread_time() - start


def best(f):
    times = 1
    while (least := run(f, times)) < 2e-3:
        times *= 2
    end, i = time.perf_counter() + limit, 0
    while i < 3 or time.perf_counter() < end:
        least, i = min(least, run(f, times)), i + 1
    return least / times


print(json.dumps({name: round(1e-9 * bytes_ * n / best(f), 3) for name, (bytes_, f) in kernels.items()}))
