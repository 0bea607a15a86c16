"""Writes golden.safetensors with the format's own library.

usage: make_golden.py golden.safetensors   (safetensors 0.6 or later, numpy)
"""
import sys

import numpy as np
from safetensors.numpy import save_file

save_file({
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
    "ids": np.array([-1, 2**40], np.int64),
    "half": np.array([0.5, -3], np.float16),
    "wide": np.array(0.1, np.float64),
    "mask": np.array([[1], [0], [255]], np.uint8),
}, sys.argv[1], metadata={"format": "np"})
