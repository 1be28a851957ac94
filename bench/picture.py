"""Draws figures that the documentation shows."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")  # no screen
from matplotlib import pyplot as plt


def bars(path: Path, values: Mapping[str, float], *, unit: str) -> None:
    """Draw horizontal bars, the first of them set off from the others."""
    names, lengths = list(values), list(values.values())
    figure, axes = plt.subplots(figsize=(7.2, 0.45 * len(names) + 0.8), layout="constrained")
    colors = ["#e46e2e", *["#8a8a8a"] * (len(names) - 1)]
    drawn = axes.barh(names, lengths, color=colors)
    axes.bar_label(drawn, [f"{length:,.0f}" for length in lengths], padding=4)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100, metadata={"Software": None}, pil_kwargs={"optimize": True})
    plt.close(figure)
