"""The outage of ``make outage``, a few seconds long; and that its comparison is not blind."""

from __future__ import annotations

import pytest

from tests.system import outage
from tests.system._outage_account import percentile
from tests.system._outage_report import rows


@pytest.mark.system
def test_database_and_webhook_are_away_for_seconds() -> None:
    measured = outage.run(away_s=6, baseline_s=3)
    report = {row.id: row for row in rows(measured)}
    # Latencies of a few seconds on a busy machine say nothing: `make outage` judges those.
    judged = ("lost_readings", "stray_readings", "lost_events", "order", "drain_s", "verify", "control")
    for name in judged:
        assert report[f"outage.{name}"].passed, report[f"outage.{name}"]
    assert measured.account.published.total() > 900
    assert measured.backlog_events > 0
    assert measured.unanswered > 0
    assert len(measured.pubacks) == measured.account.published.total()


def test_the_nearest_rank() -> None:
    assert percentile(range(1, 101), 0.99) == 100
    assert percentile([7], 0.99) == 7
