"""Writes golden.json: networks trained by Keras for three steps, loss and weights after each.

usage: KERAS_BACKEND=jax JAX_ENABLE_X64=1 make_golden.py > golden.json   (keras 3.15, jax 0.10, numpy 2)

Keras computes in float64 from float32 weights and data, so that what differs is rounding of ours.
"""
import json
import sys

import keras
import numpy as np

keras.config.set_floatx("float64")
rng = np.random.default_rng(11)
ROWS, INPUTS = 16, 5


def targets(loss, outputs):
    if loss == "binary_crossentropy":
        return rng.integers(0, 2, (ROWS, outputs)).astype(np.float32)
    if loss == "categorical_crossentropy":
        return rng.integers(0, outputs, ROWS)
    return rng.standard_normal((ROWS, outputs)).astype(np.float32)


def keras_loss(loss):
    if loss == "binary_crossentropy":
        return keras.losses.BinaryCrossentropy(from_logits=True)
    if loss == "categorical_crossentropy":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.losses.MeanSquaredError()


def flat(values):
    return [float(f"{v:.9g}") for v in np.asarray(values).ravel()]


def train(loss, outputs, hidden, activation, optimizer, config, rate):
    model = keras.Sequential([keras.Input((INPUTS,))]
                             + [keras.layers.Dense(n, activation=activation) for n in hidden]
                             + [keras.layers.Dense(outputs)])
    model.set_weights([rng.standard_normal(w.shape).astype(np.float32) * np.float32(0.5) for w in model.get_weights()])
    x, y = rng.standard_normal((ROWS, INPUTS)).astype(np.float32), targets(loss, outputs)
    case = {"loss": loss, "outputs": outputs, "hidden": hidden, "activation": activation, "rate": rate,
            "optimizer": config, "x": flat(x), "y": flat(y), "weights": [flat(w) for w in model.get_weights()], "steps": []}
    model.compile(optimizer=optimizer, loss=keras_loss(loss))
    for _ in range(3):
        value = model.train_on_batch(x.astype(np.float64), y)
        case["steps"].append({"loss": float(value), "weights": [flat(w) for w in model.get_weights()]})
    return case


cases = []
for loss, outputs in [("binary_crossentropy", 1), ("categorical_crossentropy", 3), ("mean_squared_error", 2)]:
    for hidden, activation in [([4, 3], "relu"), ([6], "tanh")]:
        cases.append(train(loss, outputs, hidden, activation, keras.optimizers.Adam(0.01), {"kind": "adam"}, 0.01))
        cases.append(train(loss, outputs, hidden, activation, keras.optimizers.SGD(0.1, momentum=0.9),
                           {"kind": "sgd", "momentum": 0.9}, 0.1))
    cases.append(train(loss, outputs, [4], "sigmoid", keras.optimizers.SGD(0.5), {"kind": "sgd"}, 0.5))
    cases.append(train(loss, outputs, [4], "sigmoid", keras.optimizers.Adam(0.02, 0.8, 0.95, 1e-3),
                       {"kind": "adam", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}, 0.02))
for loss, outputs in [("binary_crossentropy", 1), ("mean_squared_error", 2)]:
    for optimizer, config, rate in [
            (keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), {"kind": "sgd", "momentum": 0.9, "nesterov": True}, 0.1),
            (keras.optimizers.SGD(0.1, weight_decay=0.2), {"kind": "sgd", "decay": 0.2}, 0.1),
            (keras.optimizers.RMSprop(0.01), {"kind": "rmsprop"}, 0.01),
            (keras.optimizers.RMSprop(0.02, rho=0.8, momentum=0.7, epsilon=1e-3, weight_decay=0.1),
             {"kind": "rmsprop", "rho": 0.8, "momentum": 0.7, "epsilon": 1e-3, "decay": 0.1}, 0.02),
            (keras.optimizers.AdamW(0.01), {"kind": "adamw"}, 0.01),
            (keras.optimizers.AdamW(0.05, weight_decay=0.3), {"kind": "adamw", "decay": 0.3}, 0.05),
            (keras.optimizers.SGD(0.5, clipvalue=0.01), {"kind": "sgd", "clip_value": 0.01}, 0.5),
            (keras.optimizers.SGD(0.5, global_clipnorm=0.05), {"kind": "sgd", "clip_norm": 0.05}, 0.5),
            (keras.optimizers.Adam(0.02, global_clipnorm=100.0), {"kind": "adam", "clip_norm": 100.0}, 0.02)]:
        cases.append(train(loss, outputs, [5], "tanh", optimizer, config, rate))
json.dump(cases, sys.stdout, indent=None, separators=(",", ":"))
print()
