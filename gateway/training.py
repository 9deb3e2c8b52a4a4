"""``riskgate train``: a model of normal running from a recorded series, written as a profile's table.

Guarantee: nothing is learnt while the gateway runs. The table holds the model's numbers and a digest over
them and its channels; put into a device profile it travels with it, into the journal too, and a damaged
model or one for other channels is refused when the profile is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import pca, seasonal
from gateway.errors import ConfigError
from gateway.evaluate import series

TEXTS = """\
consequence_en = "TO BE WRITTEN: what this finding may become"
consequence_zh = "待填写：该异常可能的后果"
response_en = "{look}"
response_zh = "{look_zh}"
clause = "no clause: a model of recorded normal running"
source_verified = false
"""


OF_INPUTS = (
    "Look at the input that says most, then at the unit as a whole.",
    "先查看贡献最大的输入，再检查整个装置。",
)
OF_A_WEEK = (
    "Look at what is done at this hour that is not done in other weeks.",
    "查看该时段与往周不同的作业。",
)


def train(
    file: Path, channels: Sequence[str], inputs: Sequence[str], *, components: int = 0, weight: float = 0.1
) -> tuple[str, dict[str, Any]]:
    """(the table's text, the model) of a CSV file's columns; labelled and unfinished rows are left out.

    channels: columns of the file, [] = all; inputs: what the profile calls them, [] = the same. ConfigError
    says what is wrong with the file.
    """
    try:
        table = series.read(file, file.parent)
    except ValueError as problem:
        raise ConfigError([f"{file}: {problem}"]) from None
    chosen = list(channels) or list(table.columns)
    unknown = [name for name in chosen if name not in table.columns]
    if unknown:
        known = ", ".join(table.columns)
        raise ConfigError([f"{file}: has no column {', '.join(unknown)}; choose from {known}"])
    if inputs and len(inputs) != len(chosen):
        raise ConfigError([f"{len(inputs)} inputs for {len(chosen)} columns; name one for each, in order"])
    rows = table.value[:, [table.columns.index(name) for name in chosen]]
    kept = table.judged & np.isfinite(rows).all(axis=1)
    if table.label is not None:
        kept &= ~table.label
    try:
        model = pca.trained(rows[kept], list(inputs) or chosen, components=components, weight=weight)
    except ValueError as problem:
        raise ConfigError([f"{file}: {problem}"]) from None
    return written(model, list(inputs) or chosen, file.name, int(kept.sum())), model


def train_week(file: Path, column: str, channel: str, *, utc_offset_s: float) -> tuple[str, dict[str, Any]]:
    """(the table's text, the model) of one column of a CSV file, by the hour of the week; labelled and
    unfinished rows are left out.

    column: "" = the only one; channel: what the profile calls it, "" = the same. ConfigError says what is
    wrong with the file.
    """
    try:
        table = series.read(file, file.parent)
    except ValueError as problem:
        raise ConfigError([f"{file}: {problem}"]) from None
    known = ", ".join(table.columns)
    if not column and len(table.columns) > 1:
        raise ConfigError([f"{file}: has several columns; choose one from {known} with --column"])
    if column and column not in table.columns:
        raise ConfigError([f"{file}: has no column {column}; choose from {known}"])
    chosen = column or table.columns[0]
    value = table.value[:, table.columns.index(chosen)]
    kept = table.judged & np.isfinite(value)
    if table.label is not None:
        kept &= ~table.label
    time_ns = np.array(
        [round(series.seconds(table.time[row]) * 1e9) for row in np.flatnonzero(kept)], np.int64
    )
    try:
        model = seasonal.trained(time_ns, value[kept], channel or chosen, utc_offset_s=utc_offset_s)
    except ValueError as problem:
        raise ConfigError([f"{file}: {problem}"]) from None
    head = ["[[detector]]", f"channel = {_quoted(channel or chosen)}", 'kind = "seasonal"']
    return _table(head, model, (file.name, int(kept.sum())), OF_A_WEEK), model


def written(model: dict[str, Any], inputs: Sequence[str], source: str, rows: int) -> str:
    """The ``[[detector]]`` table of a model of channels that go together."""
    lines = ["[[detector]]", 'kind = "pca"']
    if any("/" in name or "#" in name for name in inputs):
        lines.append('scope = "asset"')
    lines.append(f"inputs = [{', '.join(_quoted(name) for name in inputs)}]")
    return _table(lines, model, (source, rows), OF_INPUTS)


def _table(head: Sequence[str], model: dict[str, Any], source: tuple[str, int], look: tuple[str, str]) -> str:
    name, rows = source
    lines = [f"# Trained on {rows} normal rows of {name}. Do not edit the numbers: the digest pins them."]
    lines += head
    for name, value in model.items():
        if isinstance(value, list):
            lines.append(f"{name} = [{', '.join(repr(number) for number in value)}]")
        else:
            lines.append(f"{name} = {_quoted(value) if isinstance(value, str) else repr(value)}")
    return "\n".join(lines) + "\n" + TEXTS.format(look=look[0], look_zh=look[1])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
