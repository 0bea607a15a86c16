"""MLflow's own scoring client, and the forms of a request that it does not build itself.

MLflow's client knows no keys: it calls the functions of the module requests. A session that carries the key stands in
for that module; everything else is MLflow's code.
"""
import mlflow.pyfunc.scoring_server.client as scoring
import numpy as np
import pandas as pd
from check import expect, refused, same


def run(lathe, c, report):
    scoring.requests = lathe.session()
    client = scoring.ScoringServerClient(*lathe.host.split(":"))
    with report.check(c.name, "MLflow client: wait_server_ready, get_version"):
        client.wait_server_ready(timeout=10)
        expect(client.get_version(), "no version")
    frame = pd.DataFrame(c.rows, columns=c.columns, dtype=object)
    with report.check(c.name, "MLflow client: a data frame"):
        answered(client.invoke(frame), c)
    with report.check(c.name, "MLflow client: get_predictions"):
        got = client.invoke(frame).get_predictions(predictions_format="dataframe")
        same([dict(zip(got.columns, map(plain, r))) for r in got.itertuples(index=False)], c.offline)
    with report.check(c.name, "MLflow client: a list of records"):
        answered(client.invoke(c.rows), c)
    if c.numeric:
        with report.check(c.name, "MLflow client: a NumPy array"):
            answered(client.invoke(np.array(c.arrays)), c)
        with report.check(c.name, "MLflow client: a data frame of numbers"):
            answered(client.invoke(pd.DataFrame(c.rows)), c)
    with report.check(c.name, "MLflow client: without a key"):
        scoring.requests = lathe.session(key=False)
        error = refused(lambda: client.invoke(frame), Exception)
        expect("401" in str(error), str(error))
    forms(lathe, c, report)


def answered(response, c):
    same(dict(response), {"predictions": c.offline})


def plain(value):
    """A NumPy scalar as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def forms(lathe, c, report):
    split = {"columns": c.columns, "data": c.arrays}
    columns = {k: [r[k] for r in c.rows] for k in c.columns}
    backwards = {"index": list(range(len(c.rows))), "data": [r[::-1] for r in c.arrays], "columns": c.columns[::-1]}
    bodies = {
        "dataframe_split": split, "dataframe_split, columns in another order": backwards, "dataframe_records": c.rows,
        "instances": c.rows, "instances, arrays": c.arrays, "inputs": columns, "inputs, records": c.rows,
    }
    for name, body in bodies.items():
        with report.check(c.name, "/invocations", name):
            same(lathe.post("/invocations", {name.split(",")[0]: body}), {"predictions": c.offline})
    with report.check(c.name, f"/endpoints/{c.name}/invocations"):
        same(lathe.post(f"/endpoints/{c.name}/invocations", {"dataframe_split": split}), {"predictions": c.offline})
    for path in ("/invocations", f"/endpoints/{c.name}/invocations"):
        with report.check(c.name, path, "text/csv"):
            same(lathe.post(path, c.csv, **{"Content-Type": "text/csv"}), {"predictions": c.offline})
