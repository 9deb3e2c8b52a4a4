"""Logs give away no secret, wherever it stands in an entry, and no flood drowns them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.log import SumUp, configure, redact

CANARY = "c4nary-Zx81-secret-97"
LONG = "c4naryZx81secret97c4naryZx81secret97"


@pytest.mark.parametrize(
    "entry",
    [
        {"password": CANARY},
        {"settings": {"influx": {"token": CANARY}}},
        {"settings": [{"api_key": CANARY}, ({"Authorization": CANARY},)]},
        {"settings": {"secrets": [CANARY]}},
        {"error": f"POST https://user:{CANARY}@example.com/x failed"},
        {"error": f"POST https://{CANARY}@example.com/x failed"},
        {"error": f"mqtts://gw:p@{CANARY}@broker:8883 refused"},
        {"error": f"for url 'https://example.com/robot/send?access_token={CANARY}': 500"},
        {"error": f"https://example.com/a?x=1&sig={CANARY}#y"},
        {"error": f"https://example.com/a#{CANARY}"},
        {"error": f"https://example.com/bot/v2/hook/{LONG}"},
        {"error": f"GET /hook?access_token={CANARY} HTTP/1.1"},
        {"error": f"said: Authorization: Bearer {CANARY}"},
        {"error": f"Authorization: Basic {CANARY}"},
        {"error": f"Token {CANARY} not accepted"},
        {"error": f"secret whsec_{LONG}== is wrong"},
        {"error": f"{'eyJhbGciOi'}.{'eyJ' + LONG}.{LONG}"},
        {"many": [f"https://a:{CANARY}@b/", [f"?access_token={CANARY}"]]},
        {"many": {f"https://a:{CANARY}@b/": 1}},
        {"error": ValueError(f"https://a:{CANARY}@b/")},
        {"body": f"password={CANARY}".encode()},
        {"file": Path(f"token={CANARY}")},
    ],
)
def test_the_canary_is_never_written(entry: dict[str, Any]) -> None:
    text = json.dumps(redact(None, "info", dict(entry)))
    assert CANARY not in text
    assert LONG not in text
    assert "[redacted]" in text


def test_what_is_no_secret_stays() -> None:
    entry = {
        "event": "sink answers again",
        "url": "http://127.0.0.1:8086/api/v2/write",
        "n": 3,
        "ok": True,
        "none": None,
        "rate": 0.5,
        "devices": ["acme/plant/GD-1"],
        "counts": {"late": 2},
        "file": "alarms.toml: [[example]] 储罐区",
    }
    assert redact(None, "info", dict(entry)) == entry
    shown = redact(None, "info", {"url": "https://u:p@example.com:8/x/y?q=1"})["url"]
    assert shown == "https://[redacted]@example.com:8/x/y?[redacted]"


def test_repetitions_are_counted_but_critical_is_always_written() -> None:
    for level, written in (("info", 2), ("warning", 2), ("error", 2), ("critical", 6)):
        sum_up, kept = SumUp(), []
        for at_s in (0.0, 0.1, 0.2, 0.9, 0.99, 1.5):
            try:
                kept.append(sum_up(None, level, {"event": "disk", "_monotonic_s": at_s}))
            except structlog.DropEvent:
                continue
        assert len(kept) == written, level
        assert kept[-1].get("repeated") == (4 if level != "critical" else None)


def test_one_level_does_not_hide_another() -> None:
    sum_up = SumUp()
    for level in ("info", "error", "warning"):
        assert sum_up(None, level, {"event": "link", "_monotonic_s": 5.0}) == {"event": "link"}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure("core", lambda: 1)
    yield stream
    structlog.reset_defaults()


def test_a_whole_line_with_a_traceback(written: io.StringIO) -> None:
    log = structlog.get_logger("x")
    try:
        int(f"https://u:{CANARY}@h/?k={CANARY}")
    except ValueError as error:
        log.exception("sink failed", error=error, settings={"token": CANARY})
    line = json.loads(written.getvalue())
    assert (line["event"], line["level"], line["process"]) == ("sink failed", "error", "core")
    assert "Traceback" in line["exception"]
    assert CANARY not in written.getvalue()
