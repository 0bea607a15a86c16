"""The models that clients ask, each with its rows and with what `lathe predict` offline says of them."""
import csv
import dataclasses
import datetime
import io
import pathlib

import numpy as np
from check import same


# How to read the column prediction, by classes.
LABELS = {("0", "1"): int, ("false", "true"): {"false": False, "true": True}.__getitem__}


@dataclasses.dataclass
class Case:
    """name is the model and its endpoint. rows are Python values by column; offline are the records of the CSV that
    `lathe predict` writes, typed."""

    name: str
    task: str
    kinds: dict  # column -> float, int, bool or str
    rows: list
    csv: str
    offline: list
    classes: list
    version: int

    @property
    def columns(self):
        return list(self.kinds)

    @property
    def numeric(self):
        return str not in self.kinds.values()

    @property
    def outputs(self):
        """What model.predict of Keras gives: [p] of the second of two classes, all of more, [value] of a regression."""
        if not self.classes:
            return [[r["prediction"]] for r in self.offline]
        classes = self.classes if len(self.classes) > 2 else self.classes[1:]
        return [[r["probability_" + c] for c in classes] for r in self.offline]

    @property
    def arrays(self):
        return [list(r.values()) for r in self.rows]

    def complete(self):
        """The case with only the rows that miss nothing."""
        keep = [i for i, r in enumerate(self.rows) if None not in r.values()]
        rows = [self.rows[i] for i in keep]
        return dataclasses.replace(self, rows=rows, csv=write_csv(self.columns, rows), offline=[self.offline[i] for i in keep])


def penguins(lathe, folder, root):
    """Three classes, categories and missing values: the sample."""
    path = pathlib.Path(root) / "samples" / "penguins.csv"
    with path.open(newline="") as f:
        rows = list(csv.DictReader(f))
    kinds = dict(island=str, bill_length_mm=float, bill_depth_mm=float, flipper_length_mm=int, body_mass_g=int, sex=str, year=int)
    typed = [{c: None if r[c] in ("", "NA") else kind(r[c]) for c, kind in kinds.items()} for r in rows]
    return prepare(lathe, folder, "penguins", path, "species", "multiclass", kinds, typed, "--epochs", "30")


def numbers(lathe, folder, root):
    """Two classes; every column is numeric and every value a float32, so that FP32 tensors carry it exactly."""
    return synthetic(lathe, folder, "numbers", "label", "binary")


def amount(lathe, folder, root):
    """A regression over the same columns."""
    return synthetic(lathe, folder, "amount", "amount", "regression")


def visits(lathe, folder, _root):
    """True or false from dates, truth values, texts in several scripts and gaps in all of them."""
    rng = np.random.default_rng(11)
    kinds = dict(when=str, city=str, member=bool, spend=float, points=int)
    cities = ["Zürich", "São Paulo", "北京", "a, b", 'say "hi"', " padded ", "0x10"]
    rows = []
    for _ in range(900):
        day, second = int(rng.integers(0, 1500)), int(rng.integers(0, 86400))
        when = datetime.datetime(2022, 1, 1) + datetime.timedelta(days=day, seconds=second)
        rows.append(dict(when=when.isoformat(), city=cities[int(rng.integers(len(cities)))], member=bool(rng.integers(2)),
                         spend=float(np.exp(rng.normal() * 3)), points=int(rng.integers(-5, 2**40))))
    truth = [{"stays": str(r["member"] and r["spend"] > 1 or r["city"] == "北京").lower()} for r in rows]
    for r in rows:
        for c in kinds:
            if rng.random() < 0.05:
                r[c] = None
    path = folder / "visits.csv"
    path.write_text(write_csv([*kinds, "stays"], [{**r, **t} for r, t in zip(rows, truth)]))
    odd = [{**rows[0], "city": "Atlantis"}, dict.fromkeys(kinds), {**rows[1], "spend": 5e-324, "points": 2**53 + 1}, {**rows[1], "spend": -1.25e30}]
    return prepare(lathe, folder, "visits", path, "stays", "binary", kinds, rows[:300] + odd, "--epochs", "3")


def synthetic(lathe, folder, name, target, task):
    rng = np.random.default_rng(7)
    n = 2000
    x = rng.normal(size=(n, 6)).astype(np.float32).astype(float)
    x[:, 1] = np.float32(1e4) * x[:, 1].astype(np.float32)
    x[:, 2] = (x[:, 2].astype(np.float32) * np.float32(1e-5)).astype(float)
    whole = rng.integers(-40, 1_000_000, n)
    score = x[:, 0] - x[:, 3] * x[:, 4] + whole / 5e5
    truth = {"label": (score + rng.normal(size=n) * 0.3 > 1).astype(int), "amount": np.round(score * 137.5 + 40, 3)}[target]
    kinds = {**{f"f{i}": float for i in range(6)}, "whole": int, "flag": bool}
    rows = [dict(zip(kinds, [*map(float, a), int(k), bool(k % 3)])) for a, k in zip(x, whole)]
    path = folder / f"{name}.csv"
    path.write_text(write_csv([*kinds, target], [{**r, target: t.item()} for r, t in zip(rows, truth)]))
    return prepare(lathe, folder, name, path, target, task, kinds, rows[:1500], "--epochs", "3")


def prepare(lathe, folder, name, path, target, task, kinds, rows, *flags):
    """Trains, deploys and exports a model, and has it predict the rows offline."""
    trained = lathe.run("train", path, "--target", target, "--task", task, "--recipe", "mlp", "--name", name, *flags)
    lathe.run("deploy", name)
    lathe.run("endpoints", "default", name)
    package, table = folder / f"{name}.lathe", folder / f"{name}-rows.csv"
    lathe.run("models", "export", name, "--out", package)
    text = write_csv(list(kinds), rows)
    table.write_text(text)
    answer = lathe.offline(package, table)
    same(lathe.predict(name, table), answer, f"{name}: lathe predict with the service")
    head, *lines = csv.reader(io.StringIO(answer))
    classes = [h.removeprefix("probability_") for h in head[1:]]
    label = LABELS.get(tuple(classes), str) if classes else float
    offline = [dict(zip(head, [label(line[0]), *map(float, line[1:])])) for line in lines]
    same([len(offline), trained["task"]], [len(rows), task], name)
    return Case(name, task, kinds, rows, text, offline, classes, trained["version"])


def write_csv(columns, rows):
    """Numbers as Python writes them, which is the shortest text that reads back as the same bits."""
    out = io.StringIO()
    w = csv.writer(out, lineterminator="\n")
    w.writerow(columns)
    w.writerows([["" if r[c] is None else r[c] for c in columns] for r in rows])
    return out.getvalue()
