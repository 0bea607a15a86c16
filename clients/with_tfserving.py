"""TensorFlow Serving's REST protocol, which KServe v1 shares."""
from check import expect, same


def run(lathe, c, report):
    path = f"/v1/models/{c.name}"
    with report.check(c.name, "TF Serving instances, arrays"):
        same(lathe.post(path + ":predict", {"instances": c.arrays}), {"predictions": c.outputs})
    with report.check(c.name, "TF Serving instances, objects"):
        same(lathe.post(path + ":predict", {"signature_name": "serving_default", "instances": c.rows}), {"predictions": c.outputs})
    with report.check(c.name, "TF Serving inputs by column"):
        columns = {k: [r[k] for r in c.rows] for k in c.columns}
        same(lathe.post(path + ":predict", {"inputs": columns}), {"outputs": c.outputs})
    with report.check(c.name, "TF Serving a version"):
        same(lathe.post(f"{path}/versions/{c.version}:predict", {"instances": c.arrays}), {"predictions": c.outputs})
    with report.check(c.name, "TF Serving status"), lathe.session() as s:
        answer = s.get(lathe.url + path, timeout=30)
        expect(answer.ok, f"{answer.status_code}: {answer.text}")
        same(answer.json()["model_version_status"][0]["state"], "AVAILABLE")
