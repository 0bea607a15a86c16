"""The same network and optimiser in JAX, an epoch as one compiled scan: the strongest peer on a CPU.

Prints one JSON object: seconds for reading, compiling and fitting, steps done, and accuracy on the test rows. Compiling
is no part of the fit; shuffling is. The batch must divide the rows.
usage: jax_mlp.py TABLE --seed N [--epochs 10] [--batch 32]
"""
import argparse
import json
import time

import jax
import jax.numpy as jnp
import numpy as np

import parts

p = argparse.ArgumentParser()
p.add_argument("table")
p.add_argument("--seed", type=int, required=True)
p.add_argument("--epochs", type=int, default=10)
p.add_argument("--batch", type=int, default=32)
args = p.parse_args()

start = time.perf_counter()
x, y, test_x, test_y = parts.read(args.table)
read = time.perf_counter() - start
if len(x) % args.batch:
    p.error(f"a batch of {args.batch} does not divide {len(x)} rows")


def dense(key, inputs, outputs):
    limit = np.sqrt(6 / (inputs + outputs))
    return jax.random.uniform(key, (inputs, outputs), minval=-limit, maxval=limit), jnp.zeros(outputs)


def logits(params, x):
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = params[-1]
    return (x @ w + b)[:, 0]


def loss(params, x, y):
    z = logits(params, x)
    return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))


def adam(p, m, v, t):
    return p - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-7)


@jax.jit
def epoch(state, xs, ys, order):
    def step(state, index):
        params, m, v, t = state
        g = jax.grad(loss)(params, xs[index], ys[index])
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        return (jax.tree.map(lambda p, m, v: adam(p, m, v, t), params, m, v), m, v, t), None

    return jax.lax.scan(step, state, order)[0]


rng = np.random.default_rng(args.seed)


def shuffled():
    return jnp.asarray(rng.permutation(len(x)).astype(np.int32).reshape(-1, args.batch))


start = time.perf_counter()
xs, ys = jnp.asarray(x), jnp.asarray(y.astype(np.float32))
keys = jax.random.split(jax.random.PRNGKey(args.seed), 3)
params = [dense(keys[0], x.shape[1], 64), dense(keys[1], 64, 32), dense(keys[2], 32, 1)]
zeros = jax.tree.map(jnp.zeros_like, params)
state = (params, zeros, zeros, jnp.float32(0))
compiled = epoch.lower(state, xs, ys, shuffled()).compile()
jax.block_until_ready(state)
compiling = time.perf_counter() - start

start = time.perf_counter()
for _ in range(args.epochs):
    state = compiled(state, xs, ys, shuffled())
jax.block_until_ready(state)
fit = time.perf_counter() - start

accuracy = float(((np.asarray(logits(state[0], jnp.asarray(test_x))) > 0) == (test_y > 0)).mean())
print(json.dumps({"read": read, "compile": compiling, "fit": fit, "steps": int(state[3]), "accuracy": accuracy}))
