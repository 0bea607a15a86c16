"""Real clients against a real service: each protocol must give the predictions of `lathe predict` offline, to the bit.

Starts its own `lathe up` in a temporary home on a free port of the loopback, trains three small models (penguins:
classes, categories and missing values; numbers: two classes, all columns numeric; amount: a regression), deploys
them, asks every client, and stops. Ends with "N passed, M failed"; the exit code is 0 only without failures.

From the project's root, with the environment that `go run ./bench venv clients clients/requirements.txt` makes:
    ~/.cache/lathe/clients/bin/python clients/run.py [--lathe bin/lathe]
"""
import argparse
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
from check import Report

ROOT = pathlib.Path(__file__).parent.parent
PROTOCOLS = (with_predict, with_tfserving, with_mlflow, with_triton)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--lathe", type=pathlib.Path, help="binary to test; built from ./cmd/lathe by default")
    args = p.parse_args()
    report = Report()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lathe-clients-") as folder:
        folder = pathlib.Path(folder)
        binary = args.lathe.resolve() if args.lathe else service.build(ROOT, folder / "lathe")
        with service.Service(binary, folder / "home") as lathe:
            for make in (case.penguins, case.numbers, case.amount):
                c = make(lathe, folder, ROOT)
                for protocol in PROTOCOLS:
                    protocol.run(lathe, c, report)
    print(f"{time.monotonic() - start:.1f} s")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
