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


acts = {"none": none, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "selu": jax.nn.selu,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False), "gelu_tanh": lambda x: jax.nn.gelu(x, approximate=True),
        "silu": jax.nn.silu, "mish": jax.nn.mish}
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

under_mse("affine", "", {"x": draw(4, 9)}, lambda p: np.float32(0.7) * p["x"] - 0.25)
under_mse("tiled", "", {"x": draw(6, 4), "b": draw(3, 4)}, lambda p: p["x"] + jnp.tile(p["b"], (2, 1)))
under_mse("columns", "", {"x": draw(4, 9)}, lambda p: p["x"][:, np.array([2, 0, 7, 2])])
under_mse("concat", "", {"a": draw(4, 3), "b": draw(4, 1)}, lambda p: jnp.concatenate([p["a"], p["b"]], 1))


def with_constants(op, act, params, constants, value):
    target = draw(*jax.eval_shape(value, params).shape)
    save(op, act, params, {"target": target, **constants}, lambda p: mse(value(p), target.astype(np.float64)), value)


index = rng.integers(0, 5, 9)
with_constants("lookup", "", {"table": draw(5, 3)}, {"index": index.astype(np.float32)}, lambda p: p["table"][index])
ids = rng.integers(0, 5, (4, 3))
with_constants("embedding", "", {"table": draw(5, 3)}, {"ids": ids.astype(np.float32)},
               lambda p: p["table"][ids[:, [2, 0]]].reshape(4, 6))
lengths = np.array([4, 0, 3], np.float32)
pooled = (np.arange(4) < lengths[:, None]).astype(np.float64)
with_constants("meanpool", "", {"x": draw(12, 5)}, {"lengths": lengths},
               lambda p: (p["x"].reshape(3, 4, 5) * pooled[:, :, None]).sum(1) / np.maximum(lengths, 1)[:, None])


def layernorm(p, eps):
    x = p["x"]
    centred = x - x.mean(1, keepdims=True)
    return centred / jnp.sqrt((centred ** 2).mean(1, keepdims=True) + eps) * p["gamma"] + p["beta"]


def batchnorm(p, eps, mean=None, var=None):
    mean = p["x"].mean(0) if mean is None else mean
    var = ((p["x"] - mean) ** 2).mean(0) if var is None else var
    return (p["x"] - mean) / jnp.sqrt(var + eps) * p["gamma"] + p["beta"]


for rows, columns in [(5, 4), (3, 37), (4, 1)]:
    norm = {"x": draw(rows, columns, scale=2), "gamma": draw(columns), "beta": draw(columns)}
    under_mse("layernorm", "", norm, lambda p: layernorm(p, np.float32(1e-3)))
for rows, columns in [(5, 4), (37, 3), (1, 4)]:
    norm = {"x": draw(rows, columns, scale=2), "gamma": draw(columns), "beta": draw(columns)}
    under_mse("batchnorm", "train", norm, lambda p: batchnorm(p, np.float32(1e-3)))
    mean, var = draw(columns), rng.uniform(0.5, 2, columns).astype(np.float32)
    with_constants("batchnorm", "predict", norm, {"mean": mean, "var": var},
                   lambda p: batchnorm(p, np.float32(1e-3), mean.astype(np.float64), var.astype(np.float64)))


def attend(p, heads, queries, keys, causal, lengths):
    def split(x, length):
        return x.reshape(-1, length, heads, x.shape[1] // heads).transpose(0, 2, 1, 3)

    q, k, v = split(p["q"], queries), split(p["k"], keys), split(p["v"], keys)
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
    seen = np.ones((q.shape[0], 1, queries, keys), bool)
    if causal:
        seen = seen & np.tri(queries, dtype=bool)
    if lengths is not None:
        seen = seen & (np.arange(keys) < lengths[:, None])[:, None, None, :]
    chances = jnp.where(seen, jax.nn.softmax(jnp.where(seen, scores, -1e30), -1), 0)
    return (chances @ v).transpose(0, 2, 1, 3).reshape(p["q"].shape[0], -1)


for heads, queries, keys, causal, lengths in [
        (1, 3, 5, False, None), (2, 4, 4, True, None), (3, 4, 4, False, [2, 4, 0]), (2, 5, 5, True, [5, 3])]:
    count = 2 if lengths is None else len(lengths)
    params = {"q": draw(count * queries, heads * 4), "k": draw(count * keys, heads * 4), "v": draw(count * keys, heads * 3)}
    constants = {"sizes": np.array([heads, queries, keys, causal], np.float32)}
    if lengths is not None:
        lengths = constants["lengths"] = np.array(lengths, np.float32)
    with_constants("attend", "", params, constants, lambda p: attend(p, heads, queries, keys, causal, lengths))

weight = rng.uniform(0, 2, 6).astype(np.float32)
for w in [None, weight]:
    constants = {} if w is None else {"weight": w}
    scale = np.ones(6) if w is None else w.astype(np.float64)
    target = rng.uniform(0, 1, (6, 3)).astype(np.float32)
    wide = target.astype(np.float64)

    def binary(z, y):
        return jnp.logaddexp(0, z) - z * y

    def focal(z, y, gamma):
        p = jax.nn.sigmoid(z)
        return (y * (1 - p) + (1 - y) * p) ** gamma * binary(z, y)

    def huber(d, delta):
        return jnp.where(jnp.abs(d) <= delta, d ** 2 / 2, delta * (jnp.abs(d) - delta / 2))

    terms = {
        "bce": lambda z: binary(z, wide),
        "smooth bce": lambda z: binary(z, wide * 0.8 + 0.1),
        "mse": lambda z: (z - wide) ** 2,
        "mae": lambda z: jnp.abs(z - wide),
        "huber": lambda z: huber(z - wide, 1.5),
        "focal bce 2": lambda z: focal(z, wide, 2),
        "focal bce 0.5": lambda z: focal(z, wide, 0.5),
        "focal bce 0": lambda z: focal(z, wide, 0),
    }
    for op, term in terms.items():
        save(op, "", {"z": draw(6, 3, scale=4)}, {"target": target, **constants}, lambda p: jnp.mean(scale[:, None] * term(p["z"])))
    label = rng.integers(0, 5, 6)

    def logp(z):
        return jax.nn.log_softmax(z, -1)

    def label_logp(z):
        return logp(z)[jnp.arange(6), label]

    terms = {
        "crossentropy": lambda z: -label_logp(z),
        "smooth crossentropy": lambda z: -0.8 * label_logp(z) - 0.2 * logp(z).mean(-1),
        "focal crossentropy 2": lambda z: -((1 - jnp.exp(label_logp(z))) ** 2) * label_logp(z),
        "focal crossentropy 0.5": lambda z: -jnp.sqrt(1 - jnp.exp(label_logp(z))) * label_logp(z),
        "focal crossentropy 0": lambda z: -label_logp(z),
    }
    for op, term in terms.items():
        save(op, "", {"z": draw(6, 5, scale=4)}, {"label": label.astype(np.float32), **constants}, lambda p: jnp.mean(scale * term(p["z"])))

json.dump(cases, sys.stdout, indent=None, separators=(",", ":"))
print()
