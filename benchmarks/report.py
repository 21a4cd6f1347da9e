"""What was measured as a page: tables, the picture, and the block of docs/performance.md that they stand in."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from contestants import CONTESTANTS, SINGLE_PRECISION
from parts import HEADLINE, INPUTS, event_cost, times

__all__ = ["BEGIN", "END", "block", "draw", "insert", "markdown"]

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

EVENT_BAR = 15.0
"""ns that an event may take."""

FLAT = 1.3
"""How much dearer a cell may be in any of the networks than in the smallest."""

# Okabe & Ito's palette, told apart by every kind of colour vision; markers and dashes for print in grey.
LOOKS = {
    "pylivn": ("#000000", "o", "-"),
    SINGLE_PRECISION: ("#555555", ".", ":"),
    "brian-tuned": ("#009E73", "s", "--"),
    "brian-cpp": ("#56B4E9", "D", "-"),
    "brian-cython": ("#0072B2", "^", "-"),
    "neuron": ("#E69F00", "v", "-"),
    "livn2": ("#D55E00", "P", "-"),
}

Data = dict[str, Any]


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table, the first column left-aligned."""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(x: float) -> str:
    """Three digits, without exponents."""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def verdict(met: bool) -> str:
    """A bar's."""
    return "ok" if met else "**missed**"


def block(data: Data) -> str:
    """The generated part of the page from the parts that were measured."""
    made = {"speed": headline, "alike": agreement, "sizes": by_cells, "inputs": by_inputs, "ei4": events}
    texts = [
        f"Measured {data['date']} on: {data['machine']}.",
        *(make(data) for part, make in made.items() if part in data),
    ]
    return "\n\n".join(texts)


def headline(data: Data) -> str:
    """Ratios on the network that the bars are for, the picture, and factors by size."""
    speed = data["speed"]
    found = speed["sizes"][str(HEADLINE)]
    own, single = (found[key]["factors"] for key in ("pylivn", SINGLE_PRECISION))
    rows = []
    for key, values in found.items():
        contestant = CONTESTANTS[key]
        ratio = times(values["factors"], own)
        bar = (
            ""
            if contestant.faster is None
            else f"at least {contestant.faster:g}: {verdict(ratio >= contestant.faster)}"
        )
        spread = f"{number(min(values['factors']))} to {number(max(values['factors']))}"
        rates = " / ".join(f"{rate:.1f}" for rate in values["rate"].values())
        ratios = [number(ratio), number(times(values["factors"], single))] if contestant.is_peer else ["", ""]
        rows.append([contestant.title, number(values["factor"]), spread, *ratios, bar, rates])
    head = [
        "",
        "real-time factor",
        "range",
        "this package is faster by",
        "in single precision by",
        "bar for double",
        "EXC / INH [Hz]",
    ]
    some = found["pylivn"]
    title = f"### {HEADLINE} cells, all to all, {some['plastic']:,} plastic connections"
    by_size = [
        [CONTESTANTS[key].title, *(number(at[key]["factor"]) if key in at else "-" for at in speed["sizes"].values())]
        for key in CONTESTANTS
        if any(key in at for at in speed["sizes"].values())
    ]
    texts = (", ".join(f"{name} {v}" for name, v in packages.items()) for packages in speed["versions"].values())
    versions = "; ".join(dict.fromkeys(texts))  # of contestants with one environment once
    return "\n\n".join(
        [
            title,
            markdown(head, rows),
            "### Real-time factor over the size of the network",
            "![Real-time factor over the number of cells, all to all, on logarithmic axes](images/performance.png)",
            markdown(["cells, all to all", *(f"{int(n):,}" for n in speed["sizes"])], by_size),
            f"Versions: {versions}.",
        ]
    )


def agreement(data: Data) -> str:
    """Spikes of unconnected cells here and in Brian2."""
    rows = []
    for current, trains in data["alike"].items():
        for kind, own, other in zip(("EXC", "INH"), trains["pylivn"], trains["brian-cython"], strict=True):
            apart = max((abs(a - b) for a, b in zip(own, other, strict=False)), default=0.0)
            rows.append([f"{kind}, {current} nA", str(len(own)), str(len(other)), f"{apart:.2f}"])
    head = ["cell, current", "spikes in 500 ms", "in Brian2", "largest difference of their times [ms]"]
    return "### The same cells in Brian2\n\n" + markdown(head, rows)


def by_cells(data: Data) -> str:
    """Cost per cell over the number of cells."""
    parts = list(data["sizes"].values())
    base = statistics.median(parts[0]["ns"])
    rows = []
    for part in parts:
        ns = statistics.median(part["ns"])
        cost = f"{number(ns)}", f"{ns / base:.2f}: {verdict(ns / base <= FLAT)}"
        rows.append([f"{part['cells']:,}", f"{part['plastic']:,}", number(part["factor"]), *cost])
    head = [
        "cells",
        "plastic connections",
        "real-time factor",
        "ns per cell and step",
        f"of the first (at most {FLAT})",
    ]
    return f"### Over the number of cells, {INPUTS} inputs each\n\n" + markdown(head, rows)


def by_inputs(data: Data) -> str:
    """Cost over the number of events at one firing."""
    found = data["inputs"]
    few = next(iter(found.values()))
    rows = []
    for inputs, part in found.items():
        per_second = part["events"] / (part["seconds"] / part["factor"])
        slope = "" if part is few else cost_text(event_cost(few, part), part is list(found.values())[-1])
        ns = number(statistics.median(part["ns"]))
        rows.append([inputs, number(per_second / 1e6), number(part["factor"]), ns, slope])
    head = ["inputs per cell", "10⁶ events per second", "real-time factor", "ns per cell and step", "ns per event"]
    rate = few["rate"]
    title = (
        f"### Over the number of inputs, {few['cells']:,} cells that fire at {rate['EXC']:.0f} / {rate['INH']:.0f} Hz"
    )
    return f"{title}\n\n" + markdown(head, rows)


def events(data: Data) -> str:
    """Cost of an event in the largest predefined culture."""
    few, many = data["ei4"].values()
    rows = [
        [
            name,
            f"{part['plastic']:,}",
            number(part["factor"]),
            "" if part is few else cost_text(event_cost(few, many), True),
        ]
        for name, part in data["ei4"].items()
    ]
    head = ["EI4 with", "plastic connections", "real-time factor", "ns per event"]
    return "### Events in the largest culture\n\n" + markdown(head, rows)


def cost_text(ns: float, bar: bool) -> str:
    """The cost of an event, with its verdict where there is a bar."""
    return f"{number(ns)}" + (f" (at most {EVENT_BAR:g}: {verdict(ns <= EVENT_BAR)})" if bar else "")


def insert(page: str, text: str) -> str:
    """The page with another generated block; what stands outside its marks stays.

    Raises:
        ValueError: the page does not have the two marks, once each and in order.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page needs the lines {BEGIN} and {END}, once each and in this order")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{rest.split(END)[1]}"


def draw(speed: Data, path: Path) -> None:
    """The picture: real-time factor over size, log-log, with the line of real time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sizes = speed["sizes"]
    fig, ax = plt.subplots(figsize=(7.2, 5.4), constrained_layout=True)
    ax.axhline(1.0, color="0.35", lw=1.0, ls=(0, (6, 3)))
    ends = {}
    for key, (colour, marker, dashes) in LOOKS.items():
        points = [(int(n), at[key]["factor"]) for n, at in sizes.items() if key in at]
        if points:
            x, y = zip(*points, strict=True)
            width = 2.6 if key == "pylivn" else 1.5
            title = CONTESTANTS[key].title
            ax.plot(x, y, color=colour, marker=marker, ls=dashes, lw=width, ms=6, label=title)
            ends[title] = -y[-1]
    ax.set(
        xscale="log", yscale="log", xlabel="cells, all to all, plastic", ylabel="real-time factor (wall / model time)"
    )
    ax.set_xticks([int(n) for n in sizes], [f"{int(n):,}" for n in sizes])
    ax.minorticks_off()
    ax.text(1.01, 1.0, "real time", transform=ax.get_yaxis_transform(), va="center", color="0.35")
    ax.grid(True, which="major", color="0.9", lw=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    handles, labels = zip(*sorted(zip(handles, labels, strict=True), key=lambda pair: ends[pair[1]]), strict=True)
    fig.legend(handles, labels, frameon=False, loc="outside lower center", ncols=2, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=160)
    plt.close(fig)
