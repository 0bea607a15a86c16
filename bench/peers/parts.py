"""Reads a table of make_table.py into standardised parts, as lathe does it: mean and population standard deviation of
the training rows, in float64, then rounded once to float32."""
import numpy as np
import pandas as pd


def read(path):
    """Returns x, y of the training rows and x, y of the test rows; x float32 [N 30], y int64 [N]."""
    table = pd.read_csv(path).dropna()
    train = (table.pop("part") == "train").to_numpy()
    y = table.pop("label").to_numpy()
    x = table.to_numpy()
    mean, std = x[train].mean(0), x[train].std(0)
    x = ((x - mean) / std).astype(np.float32)
    return x[train], y[train], x[~train], y[~train]
