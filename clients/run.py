"""Real clients against a real service: each protocol must give the predictions of `lathe predict` offline, to the bit.

Starts its own `lathe up` in a temporary home on a free port of the loopback, trains four small models (penguins:
classes, categories and missing values; numbers: two classes, all columns numeric; amount: a regression; visits: dates,
truth values, many scripts), deploys them, asks every client, and stops. Ends with "N passed, M failed"; the exit code is 0 only without failures.

From the project's root, with the environment that `make python` makes:
    ~/.cache/lathe/clients/bin/python clients/run.py [--lathe bin/lathe]
"""
import argparse
import math
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import case
import service
import with_mlflow
import with_predict
import with_tfserving
import with_triton
from check import Different, Report, refused, same

ROOT = pathlib.Path(__file__).parent.parent
PROTOCOLS = (with_predict, with_tfserving, with_mlflow, with_triton)


def ask(lathe, make, folder, report):
    """Prepares one model and puts every client to it."""
    c = None
    with report.check(make.__name__, "train, deploy, export; lathe predict with and without the service"):
        c = make(lathe, folder, ROOT)
    for protocol in PROTOCOLS if c else ():
        protocol.run(lathe, c, report)


def selftest(report):
    """A comparison that cannot fail shows nothing."""
    with report.check("comparison: one bit, a type, a sign of zero and a key are noticed"):
        for got, want in (([math.nextafter(0.1, 1)], [0.1]), (1, 1.0), (-0.0, 0.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([], [1])):
            refused(lambda got=got, want=want: same(got, want), Different)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--lathe", type=pathlib.Path, help="binary to test; built from ./cmd/lathe by default")
    args = p.parse_args()
    report = Report()
    selftest(report)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lathe-clients-") as folder:
        folder = pathlib.Path(folder)
        binary = args.lathe.resolve() if args.lathe else service.build(ROOT, folder / "lathe")
        with service.Service(binary, folder / "home") as lathe:
            for make in (case.penguins, case.numbers, case.amount, case.visits):
                ask(lathe, make, folder, report)
    print(f"{time.monotonic() - start:.1f} s")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
