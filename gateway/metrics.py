"""Prometheus text of what core and delivery say of themselves. Labels never carry a device's id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_COUNTERS = {
    "packets": "Packets journalled",
    "decoded": "Readings that payloads held",
    "effective": "Readings that took effect",
    "duplicates": "Readings seen before",
    "late": "Readings judged retrospectively",
    "late_alarms": "Conditions that began among late readings: noted, never annunciated",
    "late_unnoted": "Begins and ends among late readings beyond a device's notes of an hour: counted only",
    "chattering": "Alarms that began a third time or more within a minute",
    "fleeting": "Alarms that were over within a minute",
    "held_ends": "Ends of chattering and fleeting alarms that were held back",
    "suspect": "Readings of suspect time",
    "retained": "Retained copies",
    "disordered": "Readings older than their channel's newest",
    "bad": "Readings of bad quality",
    "uncertain": "Readings of uncertain quality",
    "throttled": "Readings beyond their device's rate: limits judged them, trends and history skipped them",
}
_TABLES = {
    "rejected": "Readings rejected after the journal, by reason",
    "refused": "Packets refused before the journal, by reason",
}
_GAUGES = {
    "position": "Newest journal position",
    "alarms_open": "Alarms not normal",
    "alarms_unacknowledged": "Alarms waiting for an acknowledgement",
    "intake_packets": "Packets waiting to be journalled",
    "behind_s": "Age of the oldest packet waiting",
    "turn_age_s": "Time since the core's last round",
    "devices": "Devices expected",
    "devices_unknown": "Unknown devices listed",
    "link_up": "Broker connection is up",
    "blind": "Nothing is being journalled (disk full)",
    "live_dropped": "Live frames dropped since start; delivery derives them from the journal",
}


class _Statuses:
    def __init__(self, core: dict[str, Any] | None, delivery: dict[str, Any] | None) -> None:
        self._core = core
        self._delivery = delivery

    def collect(self) -> Iterator[Metric]:
        """Everything known now."""
        yield GaugeMetricFamily("riskgate_core_up", "The core answers", float(self._core is not None))
        yield GaugeMetricFamily("riskgate_delivery_up", "Delivery answers", float(self._delivery is not None))
        if self._core is not None:
            yield from self._of_core(self._core)
        if self._delivery is not None:
            yield from self._of_delivery(self._delivery)

    def _of_core(self, core: dict[str, Any]) -> Iterator[Metric]:
        counts = core["counts"]
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"riskgate_{name}", text, counts[name])
        for name, text in _TABLES.items():
            table = CounterMetricFamily(f"riskgate_{name}", text, labels=["reason"])
            for reason, count in counts[name].items():
                table.add_metric([reason], count)
            yield table
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"riskgate_{name}", text, float(core[name]))

    def _of_delivery(self, delivery: dict[str, Any]) -> Iterator[Metric]:
        for name in ("delivered", "pending", "dead", "lag"):
            table = GaugeMetricFamily(f"riskgate_sink_{name}", f"Per sink: {name}", labels=["sink"])
            for sink, status in delivery.get("sinks", {}).items():
                if name in status:
                    table.add_metric([sink], float(status[name]))
            yield table


def render(core: dict[str, Any] | None, delivery: dict[str, Any] | None) -> bytes:
    """The text of /metrics; None for a process that does not answer."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Statuses(core, delivery))
    return generate_latest(registry)
