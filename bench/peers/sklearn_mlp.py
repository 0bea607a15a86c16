"""The same network in scikit-learn: MLPClassifier with Adam, 64-32-1, no early stop.

Prints one JSON object: seconds for reading and fitting, steps done, and accuracy on the test rows.
usage: sklearn_mlp.py TABLE --seed N [--epochs 10] [--batch 32]
"""
import argparse
import json
import time
import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import parts

p = argparse.ArgumentParser()
p.add_argument("table")
p.add_argument("--seed", type=int, required=True)
p.add_argument("--epochs", type=int, default=10)
p.add_argument("--batch", type=int, default=32)
args = p.parse_args()

warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are counted, not judged
start = time.perf_counter()
x, y, test_x, test_y = parts.read(args.table)
read = time.perf_counter() - start

start = time.perf_counter()
model = MLPClassifier((64, 32), batch_size=args.batch, max_iter=args.epochs, n_iter_no_change=args.epochs + 1,
                      alpha=0, random_state=args.seed).fit(x, y)
fit = time.perf_counter() - start
print(json.dumps({"read": read, "fit": fit, "steps": int(model.t_ // len(x)) * -(-len(x) // args.batch),
                  "accuracy": model.score(test_x, test_y)}))
