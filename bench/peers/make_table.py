"""Writes the table that every training peer is timed on: 100,000 rows, 30 numeric features, a 0/1 label, and a column
part that holds out the last fifth as test rows.

usage: make_table.py FILE
"""
import sys

import pandas as pd
from sklearn.datasets import make_classification

ROWS = 100_000
x, y = make_classification(n_samples=ROWS, n_features=30, n_informative=15, n_redundant=5,
                           n_clusters_per_class=4, class_sep=0.8, random_state=0)
table = pd.DataFrame(x, columns=[f"f{i}" for i in range(30)])
table["label"] = y
table["part"] = ["train"] * (ROWS * 4 // 5) + ["test"] * (ROWS // 5)
table.to_csv(sys.argv[1], index=False)
