"""Broker chaos at its smallest, with its negative control; ``make broker-chaos`` runs it whole."""

from __future__ import annotations

import pytest

from tests.crash import broker_chaos
from tests.crash._mqtt import connect, frame, puback, publish
from tests.crash._wire import Wire

pytestmark = [pytest.mark.system, pytest.mark.crash]


def test_a_lost_session_with_acknowledgements_under_way() -> None:
    result = broker_chaos.batch(["session"], 7, late=True)
    assert (result.lost, result.strays, result.failed) == (0, 0, [])
    assert (result.sessions_lost, result.gaps, result.untold) == (1, 1, 0)
    assert result.acknowledged > 0


def test_the_control_is_caught() -> None:
    careless = broker_chaos.control()
    assert careless.strays > 0
    report = {row.id: row for row in broker_chaos.rows(careless, careless)}
    assert not report["broker-chaos.stale"].passed
    assert report["broker-chaos.control"].passed


def test_the_witness_knows_a_stale_acknowledgement() -> None:
    wire = Wire()
    first, second = wire.connection(), wire.connection()
    first.sent(connect())
    first.received(frame(0x20, b"\x00\x00") + publish(1, b"t", b"one") + publish(2, b"t", b"two"))
    first.sent(puback(1))
    second.received(frame(0x20, b"\x00\x00") + publish(1, b"t", b"three"))
    second.sent(puback(2) + puback(1) + puback(1))
    assert wire.acknowledged == {b"one", b"three"}
    assert wire.strays == [2, 1]
    assert wire.lost_sessions() == 1
