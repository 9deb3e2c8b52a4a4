"""The UCI air-quality field recording as one gas device: a year of hourly rows, sent as it is.

-200 means "no reading" in that file and is sent as -200: to know that is the profile's work. All times are
moved by one constant, so the spacing is kept; the original time travels along. Takes the file in the form
with commas and ISO dates and in the original one (semicolons, decimal commas, DD/MM/YYYY, empty last rows).

Source: S. De Vito et al., Air Quality, UCI Machine Learning Repository, 2008.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, NamedTuple

from simulators import Sample
from simulators._payloads import Counters, Message, columns
from simulators._publish import BrokerAddress, NowNs, Publisher, paced

PROFILE = "gas/air_quality_station"
DEVICE = "demo/field/AQ-1"
CHANNELS = {
    "CO(GT)": "co",
    "PT08.S1(CO)": "pt08_s1_co",
    "NMHC(GT)": "nmhc",
    "C6H6(GT)": "c6h6",
    "PT08.S2(NMHC)": "pt08_s2_nmhc",
    "NOx(GT)": "nox",
    "PT08.S3(NOx)": "pt08_s3_nox",
    "NO2(GT)": "no2",
    "PT08.S4(NO2)": "pt08_s4_no2",
    "PT08.S5(O3)": "pt08_s5_o3",
    "T": "t",
    "RH": "rh",
    "AH": "ah",
}
"""Column of the file -> channel of the profile."""
MS = 1_000_000


class Row(NamedTuple):
    """One hour of the recording."""

    time_ms: int
    """Its original time; the file names no zone, taken as UTC."""
    values: dict[str, float]
    """Channel -> value, -200 included."""


def read(lines: Iterable[str]) -> list[Row]:
    """Every row of the file, in its order. ValueError names the line that is not one."""
    source = iter(lines)
    header = next(source, "").lstrip("\ufeff").rstrip("\r\n")
    separator = ";" if header.count(";") > header.count(",") else ","
    names = header.split(separator)
    missing = [name for name in ("Date", "Time", *CHANNELS) if name not in names]
    if missing:
        raise ValueError(f"line 1: not the UCI air-quality file: no column {', '.join(missing)}")
    rows = []
    for number, cells in enumerate(csv.reader(source, delimiter=separator), 2):
        if not any(cell.strip() for cell in cells):
            continue
        record = dict(zip(names, cells, strict=False))
        try:
            values = {channel: float(record[name].replace(",", ".")) for name, channel in CHANNELS.items()}
            rows.append(Row(_time_ms(record["Date"], record["Time"]), values))
        except (KeyError, ValueError) as error:
            raise ValueError(f"line {number}: not a row of the air-quality file: {error}") from error
    if not rows:
        raise ValueError("the file has no rows")
    return rows


def shift_ms(rows: list[Row], now_ms: int, speed: float) -> int:
    """The constant added to every time: at speed 1 the first row is now; else the last row is now, so that
    no time is ahead."""
    return now_ms - (rows[0].time_ms if speed == 1 else rows[-1].time_ms)


def messages(rows: list[Row], device: str, shift: int) -> Iterator[tuple[int, list[Message]]]:
    """(shifted time in ns, one columnar message) of every row."""
    boot = max(0, (rows[0].time_ms + shift) // 1000)
    counters = Counters(boot)
    for row in rows:
        time_ns = (row.time_ms + shift) * MS
        samples = [Sample(device, channel, time_ns, value) for channel, value in row.values.items()]
        yield time_ns, [columns(samples, counters, {}, [row.time_ms])]


async def publish(
    rows: list[Row],
    address: BrokerAddress,
    now_ns: NowNs,
    *,
    speed: float = 1.0,
    device: str = DEVICE,
    log: IO[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Publish every row; ``progress(acknowledged, total)``. Returns the shift in ms."""
    shift = shift_ms(rows, now_ns() // MS, speed)

    def tell(_message: Message) -> None:
        if progress is not None:
            progress(publisher.acknowledged, len(rows))

    publisher = Publisher(address, now_ns, log=log, on_ack=tell)
    await publisher.publish(paced(messages(rows, device, shift), now_ns, speed))
    return shift


def _time_ms(date: str, time: str) -> int:
    day = datetime.strptime(date, "%d/%m/%Y" if "/" in date else "%Y-%m-%d").replace(tzinfo=UTC)
    hour, minute, second = (int(part) for part in time.replace(".", ":").split(":"))
    return int(day.timestamp() * 1000) + ((hour * 60 + minute) * 60 + second) * 1000
