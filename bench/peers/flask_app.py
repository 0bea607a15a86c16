"""The server that lathe replaces: Flask, POST /predict, model.predict of a Keras model; on 127.0.0.1.

usage: flask_app.py FILE.keras PORT
"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
from flask import Flask, jsonify, request

model = keras.models.load_model(sys.argv[1])
app = Flask(__name__)


@app.get("/readyz")
def ready():
    return "ready"


@app.post("/predict")
def predict():
    return jsonify(model.predict(np.array(request.get_json()), verbose=0).tolist())


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[2]))
