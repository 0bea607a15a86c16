"""Writes golden.json: loss, value and gradients of each operation, from JAX in float64 on float32 inputs.

usage: make_golden.py > golden.json   (jax 0.10, numpy 2)

Each case is an operation under a mean squared error, or a loss by itself.
"""
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(7)


def draw(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def mse(y, target):
    return jnp.mean((y - target) ** 2)


def dense(act):
    return lambda p: act(p["x"] @ p["w"] + p["b"])


def none(x):
    return x


def dense_inputs(rows, inputs, outputs):
    return {"x": draw(rows, inputs), "w": draw(inputs, outputs, scale=0.5), "b": draw(outputs)}


acts = {"none": none, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}
cases = []


def tensors(values):
    return {k: {"shape": list(v.shape), "data": [float(f"{e:.9g}") for e in np.asarray(v).ravel()]} for k, v in values.items()}


def save(op, act, params, constants, loss, value=None):
    wide = {k: jnp.asarray(v, jnp.float64) for k, v in params.items()}
    total, grads = jax.value_and_grad(loss)(wide)
    case = {"op": op, "act": act, "params": tensors(params), "constants": tensors(constants),
            "loss": float(total), "grads": tensors(grads)}
    if value is not None:
        case["value"] = tensors({"y": value(wide)})["y"]
    cases.append(case)


def under_mse(op, act, params, value):
    shape = jax.eval_shape(value, params).shape
    target = draw(*shape)
    save(op, act, params, {"target": target}, lambda p: mse(value(p), target.astype(np.float64)), value)


for name, act in acts.items():
    for rows, inputs, outputs in [(5, 3, 4), (1, 7, 1), (18, 9, 17)]:
        under_mse("dense", name, dense_inputs(rows, inputs, outputs), dense(act))
    if name != "none":
        under_mse("activation", name, {"x": draw(3, 11, scale=3)}, lambda p, act=act: act(p["x"]))
under_mse("softmax", "", {"x": draw(4, 9, scale=3)}, lambda p: jax.nn.softmax(p["x"], -1))
under_mse("add", "", {"a": draw(4, 9), "b": draw(4, 9)}, lambda p: p["a"] + p["b"])

weight = rng.uniform(0, 2, 6).astype(np.float32)
for w in [None, weight]:
    constants = {} if w is None else {"weight": w}
    scale = np.ones(6) if w is None else w.astype(np.float64)
    target = rng.uniform(0, 1, (6, 3)).astype(np.float32)
    wide = target.astype(np.float64)
    save("bce", "", {"z": draw(6, 3, scale=4)}, {"target": target, **constants},
         lambda p: jnp.mean(scale[:, None] * (jnp.logaddexp(0, p["z"]) - p["z"] * wide)))
    save("mse", "", {"z": draw(6, 3, scale=4)}, {"target": target, **constants},
         lambda p: jnp.mean(scale[:, None] * (p["z"] - wide) ** 2))
    label = rng.integers(0, 5, 6)
    save("crossentropy", "", {"z": draw(6, 5, scale=4)}, {"label": label.astype(np.float32), **constants},
         lambda p: jnp.mean(scale * -jax.nn.log_softmax(p["z"], -1)[jnp.arange(6), label]))

json.dump(cases, sys.stdout, indent=None, separators=(",", ":"))
print()
