"""The product's own protocol, POST /predict."""
import random

from check import expect, same


def run(lathe, c, report):
    for path in ("/predict", f"/predict/{c.name}"):
        with report.check(c.name, path, "arrays"):
            same(lathe.post(path, c.arrays), c.outputs)
        with report.check(c.name, path, "objects"):
            same(lathe.post(path, c.rows), c.outputs)
    shuffled = [dict(random.Random(i).sample(list(r.items()), len(r))) for i, r in enumerate(c.rows)]
    with report.check(c.name, "/predict objects in any order, missing fields left out"):
        same(lathe.post("/predict", [{k: v for k, v in r.items() if v is not None} for r in shuffled]), c.outputs)
    with report.check(c.name, "/predict row by row"):
        for i in range(0, len(c.rows), 50):
            same(lathe.post("/predict", c.arrays[i:i + 1]), c.outputs[i:i + 1], f"row {i}")
    with report.check(c.name, "/predict?detail=1"):
        detail(lathe, c)
    with report.check(c.name, "/predict without a key"):
        with lathe.session(key=False) as s:
            answer = s.post(lathe.url + "/predict", json=c.arrays[:1], timeout=30)
        expect(answer.status_code == 401, f"{answer.status_code}: {answer.text}")


def detail(lathe, c):
    answer = lathe.post("/predict?detail=1", c.arrays)
    want = []
    for r in c.offline:
        one = {"prediction": r["prediction"]}
        if c.classes:
            one["probabilities"] = {k: r["probability_" + k] for k in c.classes}
        want.append(one)
    same(answer, {"model": c.name, "version": c.version, "predictions": want})
