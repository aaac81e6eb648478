"""A matplotlib figure as inline SVG, whose ink follows the light or dark page that it stands on."""

import html
import io
import re

import matplotlib
from matplotlib.figure import Figure

# what stands on the page itself, and would be lost on a dark one: report.css has both values of each
NAMED = {
    "#000000": "ink",
    "#0072b2": "blue",
    "#b37400": "val-ink",
    "#00785a": "test-ink",
    "#cc3311": "red",
    "#4d4d4d": "grey",
    "#56b4e9": "sky",
    "#2a7fae": "sky-ink",
    "#a84f82": "mauve-ink",
    "#fefefe": "page",
}


def svg(figure: Figure, label: str) -> str:
    """label: what a screen reader says of it; on one page no two figures have the same."""
    text = io.StringIO()
    # text stays text; the same figure is the same file, and two figures of a page share no name
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    whole = text.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", whole[whole.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r'#([\w.-]+)["\)]', drawn))
    drawn = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", drawn)
    drawn = re.sub(r'\s(width|height)="[\d.]+pt"', "", drawn, count=2)
    drawn = re.sub(r"(?<=px) '[^\";]*(?=[;\"])| font-family: [^;\"]*;?", "", drawn)  # letters are those of the page
    for colour, name in NAMED.items():
        drawn = re.sub(rf"(fill|stroke): {colour}", rf"\1: var(--{name})", drawn)
    return drawn.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
