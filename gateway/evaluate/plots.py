"""The figures as pictures: plain SVG that any browser shows and a text comparison can follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from gateway.evaluate.figures import Part

WIDTH, LABEL, BAR, GAP = 760, 260, 16, 6
OURS, OTHER, MARK = "#1f6feb", "#8b949e", "#cf222e"


def bars(
    title: str, values: Mapping[str, float], *, top: float, marks: Sequence[float] = (), ours: str = ""
) -> str:
    """A chart of horizontal bars from 0 to ``top``; ``marks``: bounds as upright lines; ``ours``: the bar to
    stand out."""
    height = 48 + len(values) * (BAR + GAP)
    long = WIDTH - LABEL - 70

    def x(value: float) -> float:
        return LABEL + long * min(max(value, 0.0), top) / top

    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
    lines = [
        f'{head} viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for place, (name, value) in enumerate(values.items()):
        y = 36 + place * (BAR + GAP)
        fill = OURS if not ours or name == ours else OTHER
        lines += [
            f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{x(value) - LABEL:.1f}" height="{BAR}" fill="{fill}"/>',
            f'<text x="{x(value) + 6:.1f}" y="{y + 12}">{value:.3g}</text>',
        ]
    for mark in marks:
        lines.append(
            f'<line x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="30" y2="{height - 8}" stroke="{MARK}" '
            'stroke-dasharray="4 3"/>'
        )
    return "\n".join([*lines, "</svg>", ""])


def draw(folder: Path, parts: Sequence[Part]) -> list[Path]:
    """One file for each part that has something to show; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for part in parts:
        body = _CHARTS[part.name](part) if part.name in _CHARTS and not part.skipped else ""
        if body:
            file = folder / f"{part.name}.svg"
            file.write_text(body, encoding="utf-8")
            found.append(file)
    return found


def _nab(part: Part) -> str:
    table: Mapping[str, Mapping[str, float]] = part.detail["table"]
    ranked = sorted(table.items(), key=lambda item: -item[1]["standard"])
    values = {name: row["standard"] for name, row in ranked}
    return bars(
        "NAB, standard score; lines: must, good, best", values, top=100.0, marks=(50, 60, 70), ours="riskgate"
    )


def _tep(part: Part) -> str:
    values = {f"fault {name}": value for name, value in part.detail["rate"].items()}
    return bars("Tennessee Eastman: detection rate by fault, 1 % false alarms", values, top=1.0)


def _scorecard(part: Part) -> str:
    families: Mapping[str, Mapping[str, float]] = part.detail["families"]
    values = {
        f"{name} ({row['in_time']} of {row['must']})": 100.0 * row["in_time"] / row["must"]
        for name, row in families.items()
        if row["must"]
    }
    return bars("Must-detect scenarios found in time, % by family", values, top=100.0, marks=(100.0,))


_CHARTS = {"nab": _nab, "tep": _tep, "scorecard": _scorecard}
