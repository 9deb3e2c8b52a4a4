"""The benches of detectors compare what they say they compare."""

from __future__ import annotations

import pytest

from tests.bench import kernel, river
from tests.support.need import need


def test_rows_have_their_shape_and_the_bytes_are_equal() -> None:
    need("gcc")
    sweep, strewn = kernel.measure(rounds=1, channels=500, sparse=100, sweeps=3, strewn=20)
    assert (sweep.id, strewn.id) == ("kernel", "kernel_sparse")
    for row in (sweep, strewn):
        assert row.measured > 0
        assert "findings equal" in row.note


def test_without_a_compiler_the_rows_fail_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for row in kernel.measure(rounds=1, channels=50, sparse=10, sweeps=1, strewn=1):
        assert not row.passed
        assert "gcc" in row.note


def test_other_findings_than_c_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel._Peer, "found", lambda peer: [b"" for _ in peer.state])
    for row in kernel.measure(rounds=1, channels=500, sparse=100, sweeps=1, strewn=1):
        assert not row.passed
        assert "than C" in row.note


def test_the_row_of_river_has_its_shape() -> None:
    (row,) = river.measure(rounds=1, channels=1000, sweeps=20)
    assert row.id == "river"
    assert row.measured > 0
    assert "findings" in row.note
