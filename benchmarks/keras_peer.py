"""Keras 3 on jax, with which throughput.py compares: one fit of the rows of a file per line of standard input.

Runs in its own virtual environment, without torch:

python -m venv keras && keras/bin/pip install keras jax
"""

import os
import sys
import time

import numpy as np

os.environ["KERAS_BACKEND"] = "jax"
import keras


def main(path: str, cpu: bool) -> None:
    rows = np.load(path)
    classes = rows["y"].ndim == 1
    *hidden, outputs = rows["widths"].tolist()
    layers = [keras.layers.Dense(width, activation="relu") for width in hidden]
    model = keras.Sequential([keras.Input(rows["x"].shape[1:]), *layers, keras.layers.Dense(outputs)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else "mse"
    metrics = ["accuracy"] if classes else ["mae", "root_mean_squared_error", "r2_score"]
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=metrics)
    weights, x, y, count = model.get_weights(), rows["x"], rows["y"], len(rows["x_val"])
    val = tuple(np.concatenate([rows[f"{name}_val"], rows[name][:count]]) for name in "xy")  # val, then the slice
    clock = time.process_time if cpu else time.perf_counter
    for _ in sys.stdin:
        model.set_weights(weights)
        epochs, started = int(rows["epochs"]), clock()
        fit = model.fit(
            x, y, int(rows["batch_size"]), epochs, verbose=0, validation_data=val, validation_batch_size=4096
        )
        print(f"result {epochs * len(x) / (clock() - started)} {fit.history['val_loss'][-1]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], "--cpu" in sys.argv)
