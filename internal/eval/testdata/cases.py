"""Saves scikit-learn's metrics on random cases for eval_test.go.

Run with scikit-learn 1.9.1 and numpy: python cases.py > cases.json
NaN, and what scikit-learn refuses because a class does not occur, is saved as null: package eval leaves it out.
"""

import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

assert sklearn.__version__ == "1.9.1", sklearn.__version__
warnings.simplefilter("ignore")
rng = np.random.default_rng(20261123)


def number(value):
    value = float(value)
    return None if np.isnan(value) else value


def ece(confidence, hit, w):
    """Guo et al. 2017, 15 bins (b/15, (b+1)/15]; there is none in scikit-learn."""
    index = np.clip(np.ceil(confidence * 15) - 1, 0, 14).astype(int)
    total = 0.0
    for b in range(15):
        rows = index == b
        total += abs(np.sum(w[rows] * (confidence[rows] - hit[rows])))
    return total / np.sum(w)


def averages(y, predicted, w):
    out = {
        "accuracy": m.accuracy_score(y, predicted, sample_weight=w),
        "balanced_accuracy": m.balanced_accuracy_score(y, predicted, sample_weight=w),
        "mcc": m.matthews_corrcoef(y, predicted, sample_weight=w),
    }
    for average in ("macro", "micro", "weighted"):
        p, r, f, _ = m.precision_recall_fscore_support(y, predicted, average=average, sample_weight=w)
        out |= {f"precision_{average}": p, f"recall_{average}": r, f"f1_{average}": f}
    return out


def weights(n, kind):
    if kind == 0:
        return None
    w = np.round(rng.uniform(0.1, 4, n), 2)
    if kind == 2:
        w[rng.random(n) < 0.3] = 0
        w[0] = 1.5
    return w


def curve(x, y, threshold):
    return {"x": list(map(float, x)), "y": list(map(float, y)), "threshold": list(map(float, threshold))}


def binary(n, digits, kind, share, threshold):
    y = (rng.random(n) < share).astype(int)
    p = np.clip(np.round(rng.beta(1 + y, 2 - y), digits), 0, 1)
    w = weights(n, kind)
    ones = np.ones(n) if w is None else w
    predicted = (p > threshold).astype(int)
    out = averages(y, predicted, w)
    pos, neg = ones[y == 1].sum() > 0, ones[y == 0].sum() > 0
    out |= {
        "precision": m.precision_score(y, predicted, sample_weight=w),
        "recall": m.recall_score(y, predicted, sample_weight=w),
        "f1": m.f1_score(y, predicted, sample_weight=w),
        "roc_auc": m.roc_auc_score(y, p, sample_weight=w) if pos and neg else float("nan"),
        "average_precision": m.average_precision_score(y, p, sample_weight=w) if pos else float("nan"),
        "log_loss": m.log_loss(y, p, sample_weight=w, labels=[0, 1]),
        "brier": m.brier_score_loss(y, p, sample_weight=w, pos_label=1),
        "ece": ece(p, y, ones),
    }
    case = {
        "truth": y.tolist(), "probability": p.tolist(), "weights": None if w is None else w.tolist(),
        "threshold": threshold, "metrics": {k: number(v) for k, v in out.items()},
        "confusion": m.confusion_matrix(y, predicted, labels=[0, 1], sample_weight=w).tolist(),
    }
    if pos and neg:
        fpr, tpr, t = m.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
        case["roc"] = curve(fpr, tpr, np.where(np.isinf(t), 2, t))
        precision, recall, t = m.precision_recall_curve(y, p, sample_weight=w)
        case["pr"] = curve(recall[::-1], precision[::-1], np.append(t, 2)[::-1])
    return case


def multiclass(n, classes, digits, kind, empty):
    y = rng.integers(0, classes, n)
    if empty:
        y[y == rng.integers(0, classes)] = 0
    p = rng.dirichlet(np.ones(classes), n)
    p[np.arange(n), y] += rng.random(n)
    p /= p.sum(axis=1, keepdims=True)
    if digits:  # ties: probabilities in steps of 1/digits that still sum to 1
        p = np.floor(p * digits)
        p[:, 0] += digits - p.sum(axis=1)
        p /= digits
    w = weights(n, kind)
    ones = np.ones(n) if w is None else w
    predicted = p.argmax(axis=1)
    labels = list(range(classes))
    every = all(ones[y == c].sum() > 0 for c in labels)
    nan = float("nan")
    out = averages(y, predicted, w)
    out |= {
        "roc_auc": m.roc_auc_score(y, p, multi_class="ovr", average="macro", sample_weight=w, labels=labels) if every else nan,
        "average_precision": m.average_precision_score(y, p, average="macro", sample_weight=w) if every else nan,
        "log_loss": m.log_loss(y, p, sample_weight=w, labels=labels),
        "brier": m.brier_score_loss(y, p, sample_weight=w, labels=labels),
        "ece": ece(p.max(axis=1), (predicted == y).astype(float), ones),
    }
    return {
        "truth": y.tolist(), "probability": p.ravel().tolist(), "classes": classes,
        "weights": None if w is None else w.tolist(), "metrics": {k: number(v) for k, v in out.items()},
        "confusion": m.confusion_matrix(y, predicted, labels=labels, sample_weight=w).tolist(),
    }


def regression(n, kind, offset, same):
    y = np.full(n, 3.0) if same else np.round(offset + rng.normal(0, 2, n), 3)
    p = y.copy() if same == "exact" else np.round(y + rng.normal(0, 1, n), 3)
    w = weights(n, kind)
    out = {
        "rmse": m.root_mean_squared_error(y, p, sample_weight=w),
        "mae": m.mean_absolute_error(y, p, sample_weight=w),
        "r2": m.r2_score(y, p, sample_weight=w),
    }
    return {"truth": y.tolist(), "probability": p.tolist(), "weights": None if w is None else w.tolist(),
            "metrics": {k: number(v) for k, v in out.items()}}


cases = {"binary": [], "multiclass": [], "regression": []}
for i in range(60):
    share = (0.5, 0.2, 0.9, 0.0, 1.0)[i % 5]
    cases["binary"].append(binary(int(rng.integers(1, 40)), (1, 2, 15)[i % 3], i // 3 % 3, share, (0.5, 0.3)[i % 2]))
for i in range(48):
    cases["multiclass"].append(multiclass(int(rng.integers(1, 40)), 2 + i % 4 + (i % 4 == 0), (0, 4, 10)[i % 3], i // 3 % 3, i % 4 == 3))
for i in range(24):
    same = (None, None, None, "constant", "exact")[i % 5]
    cases["regression"].append(regression(int(rng.integers(1, 30)) if i else 1, i % 3 if not same else 0, (0, 1000)[i % 2], same))
json.dump(cases, sys.stdout, separators=(",", ":"))
