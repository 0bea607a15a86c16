"""Writes mixed.csv, pandas.json and repr.json beside this file: what pandas and Python say of the same values.

Made with Python 3.11, pandas 3.1.1, numpy; run again with: python make.py
"""
import json
import pathlib
import random
import struct

import numpy as np
import pandas as pd

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)
n = 500
table = pd.DataFrame({
    "normal": rng.normal(3, 2, n),
    "skewed": np.exp(rng.normal(0, 4, n)),
    "tiny": rng.normal(0, 1e-12, n) + 1e-9,
    "count": rng.poisson(4, n),
    "big": rng.integers(-(2**62), 2**62, n),
    "flag": rng.random(n) < 0.3,
    "city": rng.choice(["Bonn", "Rome", "São Paulo", "北京", 'a "quoted", one', "two\nlines"], n, p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.05]),
})
table.loc[rng.random(n) < 0.1, "skewed"] = np.nan
table.loc[rng.random(n) < 0.2, "city"] = None
table = pd.concat([table, table.iloc[:7]], ignore_index=True)
table.to_csv(here / "mixed.csv", index=False)

table = pd.read_csv(here / "mixed.csv")
columns = {}
for name in table:
    c = table[name]
    entry = {"missing": int(c.isna().sum()), "distinct": int(c.nunique()), "top": int(c.value_counts().iloc[0])}
    if name in ("normal", "skewed", "tiny", "count", "big"):
        f = c.dropna().astype(float)
        entry |= {"mean": f.mean(), "std": f.std(), "min": f.min(), "max": f.max(),
                  "quantiles": f.quantile([0.05, 0.25, 0.5, 0.75, 0.95]).tolist(),
                  "histogram": np.histogram(f, 20)[0].tolist()}
    columns[name] = entry
text = json.dumps({"rows": len(table), "duplicates": int(table.duplicated().sum()), "columns": columns}, indent=1)
(here / "pandas.json").write_text(text + "\n")

random.seed(7)
values = [0.0, -0.0, 1.0, -1.0, 0.1, 1e-4, 9.999e-5, 1e-5, 1e15, 1e16, 9999999999999998.0, 123456789012345680.0, 1e22, 1e23, 5e-324,
          1.7976931348623157e308, 2.2250738585072014e-308, 100.0, 1 / 3, 2 / 3, 1e100, 0.30000000000000004, float("inf"), float("-inf")]
values += [struct.unpack("<d", random.randbytes(8))[0] for _ in range(300)]
values += [random.gauss(0, 10 ** random.randint(-6, 18)) for _ in range(300)]
values = [v for v in values if v == v]
lines = [[struct.pack(">d", v).hex(), repr(v)] for v in values]
(here / "repr.json").write_text("[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n")
