"""Writes sklearn.json beside this file: what scikit-learn makes of people.csv, which it writes too.

Made with Python 3.11, scikit-learn 1.9.1; run again with: python make.py
"""
import json
import pathlib

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(3)
n = 120
table = pd.DataFrame({
    "age": rng.integers(18, 80, n).astype(float),
    "income": np.exp(rng.normal(10, 1, n)).round(2),
    "constantish": np.full(n, 0.1),
    "visits": rng.poisson(3, n),
    "city": rng.choice(["Bonn", "Rome", "北京", "Ålesund", "bonn"], n),
    "label": rng.choice(["no", "yes", "Maybe"], n),
})
table.loc[rng.random(n) < 0.15, "age"] = np.nan
table.loc[rng.random(n) < 0.1, "city"] = None
table.to_csv(here / "people.csv", index=False)

table = pd.read_csv(here / "people.csv")
train, rest = table.iloc[:80], table.iloc[80:].copy()
rest.iloc[0, rest.columns.get_loc("city")] = "unseen"
numeric = ["age", "income", "constantish", "visits"]
result = {}
for strategy in ("median", "mean"):
    transformer = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy=strategy), StandardScaler()), numeric),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]))
    transformer.fit(train)
    scaler = transformer.named_transformers_["pipeline"][-1]
    result[strategy] = {"mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist(), "rows": transformer.transform(rest).tolist()}
encoder = LabelEncoder().fit(table["label"])
result["classes"] = encoder.classes_.tolist()
result["labels"] = encoder.transform(table["label"]).tolist()
(here / "sklearn.json").write_text(json.dumps(result) + "\n")
