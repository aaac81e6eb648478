"""One look for every picture: what a colour stands for, in grey and for the colour-blind too (Okabe and Ito, 2008)."""

COLOURS = {"train": "#0072B2", "val": "#E69F00", "test": "#009E73"}
INK = {"train": "#0072B2", "val": "#B37400", "test": "#00785A"}  # of words, which need more contrast than lines
WORDS = {"train": "training", "val": "validation", "test": "test"}
STYLES = {"train": "-", "val": "--", "test": ":"}
# of things that are compared; dark and light take turns, and each has a line style of its own, so that grey is enough
ORDER = ("#0072B2", "#E69F00", "#CC3311", "#56B4E9", "#4D4D4D", "#CC79A7", "#009E73", "#999999")
WORD_ORDER = ("#0072B2", "#B37400", "#CC3311", "#2A7FAE", "#4D4D4D", "#A84F82", "#00785A", "#6B6B6B")  # their names
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)))
LOSSES = {
    "ce": "cross entropy",
    "bce": "binary cross entropy",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
}
