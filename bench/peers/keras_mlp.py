"""The stack that lathe replaces: pandas, Keras (Dense 64-32-1, Adam, binary cross-entropy), scikit-learn's metrics.

Prints one JSON object: seconds for reading and fitting, steps done, and accuracy on the test rows.
usage: keras_mlp.py TABLE --seed N [--epochs 10] [--batch 32] [--save FILE.keras]
"""
import argparse
import json
import os
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
from sklearn.metrics import accuracy_score

import parts

p = argparse.ArgumentParser()
p.add_argument("table")
p.add_argument("--seed", type=int, required=True)
p.add_argument("--epochs", type=int, default=10)
p.add_argument("--batch", type=int, default=32)
p.add_argument("--save")
args = p.parse_args()

keras.utils.set_random_seed(args.seed)
start = time.perf_counter()
x, y, test_x, test_y = parts.read(args.table)
read = time.perf_counter() - start

start = time.perf_counter()
model = keras.Sequential([
    keras.Input((x.shape[1],)),
    keras.layers.Dense(64, activation="relu"),
    keras.layers.Dense(32, activation="relu"),
    keras.layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=args.epochs, batch_size=args.batch, verbose=0)
fit = time.perf_counter() - start

predicted = (model.predict(test_x, verbose=0) > 0.5).astype(int)
if args.save:
    model.save(args.save)
print(json.dumps({"read": read, "fit": fit, "steps": int(model.optimizer.iterations.numpy()),
                  "accuracy": accuracy_score(test_y, predicted)}))
