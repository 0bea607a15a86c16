"""Triton's HTTP client: the Open Inference Protocol v2 with binary tensors, its default, and with JSON."""
import numpy as np
import tritonclient.http as triton
from check import expect, refused, same
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

DTYPES = {float: np.float64, int: np.int64, bool: np.bool_, str: np.object_}
NAMES = {float: "FP64", int: "INT64", bool: "BOOL", str: "BYTES"}


class Key(triton.InferenceServerClientPlugin):
    """Sends the key with every request."""

    def __init__(self, key):
        super().__init__()
        self.key = key

    def __call__(self, request):
        request.headers["authorization"] = "Bearer " + self.key


def run(lathe, c, report):
    with triton.InferenceServerClient(lathe.host) as client:
        with report.check(c.name, "tritonclient: live, and infer refused without a key"):
            expect(client.is_server_live() and client.is_server_ready(), "not live or not ready")
            error = refused(lambda: client.infer(c.name, tensors(c.complete())), InferenceServerException)
            expect("401" in str(error.status()), f"{error.status()}: {error}")
        client.register_plugin(Key(lathe.key))
        with report.check(c.name, "tritonclient: metadata"):
            metadata(client, c)
        predictions(client, c, report)


def metadata(client, c):
    expect(client.is_model_ready(c.name) and client.is_model_ready(c.name, str(c.version)), "not ready")
    expect(client.get_server_metadata()["name"], "no name")
    m = client.get_model_metadata(c.name)
    same({i["name"]: i["datatype"] for i in m["inputs"]}, {k: NAMES[v] for k, v in c.kinds.items()})
    expect(all(i["shape"] in ([-1], [-1, 1]) for i in m["inputs"]), f"shapes {m['inputs']}")
    same([o["name"] for o in m["outputs"]], list(c.offline[0]))
    same(m["versions"], [str(c.version)])
    expect(c.name in [r["name"] for r in client.get_model_repository_index()], "not in the index")


def predictions(client, c, report):
    whole, c = c, c.complete()
    for binary in (True, False):
        form = "binary" if binary else "JSON"
        with report.check(c.name, f"tritonclient: a tensor a column, {form}"):
            answered(client.infer(c.name, tensors(c, binary)), c)
        with report.check(c.name, f"tritonclient: columns of [n, 1], backwards, {form}"):
            answered(client.infer(c.name, tensors(c, binary, column=True)[::-1]), c)
        with report.check(c.name, f"tritonclient: outputs asked for, {form}"):
            asked(client, c, binary)
        with report.check(c.name, f"tritonclient: single rows, {form}"):
            for i in range(0, len(c.rows), 100):
                answered(client.infer(c.name, tensors(c, binary, part=slice(i, i + 1))), c, slice(i, i + 1))
        if c.numeric:
            with report.check(c.name, "tritonclient: NaN is refused, with the column's name"):
                not_a_number(client, c)
            matrices(client, c, report, binary, form)
    with report.check(c.name, "tritonclient: request id, version, async"):
        pending = client.async_infer(c.name, tensors(c), model_version=str(c.version), request_id="row-7")
        result = pending.get_result()
        answered(result, c)
        same([result.get_response()["id"], result.get_response()["model_version"]], ["row-7", str(c.version)])
    if len(whole.rows) > len(c.rows):
        with report.check(c.name, "tritonclient: a column that is left out is missing"):
            left_out(client, whole)


def matrices(client, c, report, binary, form):
    """One [n, columns] tensor for all columns."""
    for dtype in (np.float64, np.float32):
        with report.check(c.name, f"tritonclient: one {np_to_triton_dtype(dtype)} tensor for all columns, {form}"):
            answered(client.infer(c.name, [tensor("x", np.array(c.arrays, dtype), binary)]), c)
    with report.check(c.name, f"tritonclient: FP32 and INT32 columns, {form}"):
        narrow = {float: np.float32, int: np.int32, bool: np.bool_}
        answered(client.infer(c.name, [tensor(k, np.array([r[k] for r in c.rows], narrow[t]), binary) for k, t in c.kinds.items()]), c)


def not_a_number(client, c):
    row = [1.0] * len(c.kinds)
    row[0] = np.nan
    error = refused(lambda: client.infer(c.name, [tensor("x", np.array([row]), True)]), InferenceServerException)
    expect("400" in str(error.status()) and c.columns[0] in error.message(), f"{error.status()}: {error}")


def asked(client, c, binary):
    names = list(c.offline[0])[::-1]
    result = client.infer(c.name, tensors(c), outputs=[triton.InferRequestedOutput(n, binary_data=binary) for n in names])
    same([o["name"] for o in result.get_response()["outputs"]], names)
    answered(result, c)


def left_out(client, c):
    """A row whose only gap is one column, sent without that column's tensor."""
    found = [i for i, r in enumerate(c.rows) if list(r.values()).count(None) == 1]
    expect(found, "no such row")
    for i in found:
        gap = next(k for k, v in c.rows[i].items() if v is None)
        sent = [t for t in tensors(c, part=slice(i, i + 1), without=gap)]
        answered(client.infer(c.name, sent), c, slice(i, i + 1))


def tensors(c, binary=True, column=False, part=slice(None), without=None):
    """One tensor a column."""
    made = []
    for name, kind in c.kinds.items():
        if name == without:
            continue
        values = np.array([r[name] for r in c.rows[part]], DTYPES[kind])
        made.append(tensor(name, values.reshape(-1, 1) if column else values, binary))
    return made


def tensor(name, values, binary):
    t = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    t.set_data_from_numpy(values, binary_data=binary)
    return t


def answered(result, c, part=slice(None)):
    """Compares every column of the answer with the offline one."""
    want = c.offline[part]
    for name in want[0]:
        got = result.as_numpy(name).ravel().tolist()
        got = [g.decode() if isinstance(g, bytes) else g for g in got]
        same(got, [r[name] for r in want], name)
