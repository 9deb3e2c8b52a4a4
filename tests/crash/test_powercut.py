"""The power-cut machinery, small: its parts by hand, a real writer, and the control that must fail."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash import _scenario as scenario
from tests.crash._image import Disk
from tests.crash._mqtt import Session, connect, frame, puback, publish
from tests.crash._strace import Received, Rename, Sent, Sync, Truncate, Unlink, Write, events
from tests.crash.powercut import run
from tests.support.need import need


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def test_calls_are_put_in_the_order_that_doubts_the_process(tmp_path):
    journal, other = f"7<{hexed('/d/j/1.db-wal')}>", f"8<{hexed('/d/x')}>"
    link = "9<TCP:[127.0.0.1:1->127.0.0.1:2]>"
    trace = tmp_path / "trace"
    trace.write_text(
        f'11 openat(AT_FDCWD<{hexed("/")}>, "{hexed("/d/x")}", O_WRONLY|O_CREAT|O_TRUNC, 0600) = {other}\n'
        f'11 write({other}, "{hexed("ab")}", 2) = 2\n'
        f'11 write({other}, "{hexed("cdef")}", 4) = 3\n'
        f'11 pwrite64({journal}, "{hexed("frame")}", 5, 32 <unfinished ...>\n'
        f"12 fdatasync({other} <unfinished ...>\n"
        "11 <... pwrite64 resumed>) = 5\n"
        f"11 fdatasync({journal} <unfinished ...>\n"
        f"12 <... fdatasync resumed>) = 0\n"
        f'11 sendto({link}, "{hexed("@")}\\x02\\x00\\x01", 4, 0, NULL, 0 <unfinished ...>\n'
        "12 +++ exited with 0 +++\n"
        "11 <... sendto resumed>) = 4\n"
        f'11 recvfrom({link}, "{hexed("in")}", 99, 0, NULL, NULL) = 2\n'
        f"11 ftruncate({other}, 1) = 0\n"
        f'11 pwrite64({journal}, "{hexed("no")}", 2, 0) = -1 EIO (Input/output error)\n'
        f'11 rename("{hexed("/d/x")}", "{hexed("/d/y")}") = 0\n'
        f'11 unlink("{hexed("/d/y")}") = 0\n'
        f'11 write(8<{hexed("/d/y")}>(deleted), "{hexed("z")}", 1) = 1\n'
        f'11 write(1</dev/null<char 1:3>>, "{hexed("z")}", 1) = 1\n'
        f'11 writev({link}, [{{iov_base="{hexed("a")}", iov_len=1}}, {{iov_base="{hexed("b")}"}}], 2) = 2\n'
    )
    tcp = "TCP:[127.0.0.1:1->127.0.0.1:2]"
    assert [event for _, event in events(trace)] == [
        Write("/d/x", 0, b""),
        Truncate("/d/x", 0),
        Write("/d/x", 0, b"ab"),
        Write("/d/x", 2, b"cde"),
        Write("/d/j/1.db-wal", 32, b"frame"),
        Sync("/d/x", 4),
        Sent(tcp, b"@\x02\x00\x01"),
        Received(tcp, b"in"),
        Truncate("/d/x", 1),
        Rename("/d/x", "/d/y"),
        Unlink("/d/y"),
        Sent(tcp, b"ab"),
    ], "the journal's own flush never ended, so it flushed nothing"


def test_only_what_was_flushed_is_sure_to_be_there(tmp_path):
    disk = Disk(Path("/d"))
    history = [
        Write("/d/a", 0, b"1" * 1024),
        Write("/d/a", 1024, b"2" * 1024),
        Sync("/d/a", 1),
        Write("/d/b-shm", 0, b"x"),
        Write("/elsewhere", 0, b"x"),
        Rename("/d/a", "/d/j/c"),
        Truncate("/d/j/c", 100),
    ]
    for order, event in enumerate(history):
        disk.apply(order, event)

    def image(mode: str, seed: int = 0) -> bytes:
        folder = tmp_path / f"{mode}{seed}"
        disk.build(folder, mode, random.Random(seed))
        assert [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()] == [Path("j/c")]
        return (folder / "j/c").read_bytes()

    whole = b"1" * 1024 + b"2" * 1024
    assert image("lost") == b"1" * 1024
    assert {image("prefix", s) for s in range(20)} == {b"1" * 1024, whole, b"1" * 100}
    assert {len(image("subset", s)) for s in range(20)} == {100, 1024, 2048}
    torn = {image("torn", s) for s in range(40)}
    assert b"1" * 1024 + bytes(512) + b"2" * 512 in torn, "the second sector alone"
    assert b"1" * 1024 + b"2" * 512 in torn, "the first sector alone"


@pytest.mark.parametrize("level", [4, 5])
def test_a_puback_is_matched_with_the_payload_it_answers(level):
    session = Session()
    session.received(b"not mqtt yet")
    assert session.sent(b"GET / HTTP/1.1") == []
    session.sent(connect() if level == 4 else frame(16, b"\x00\x04MQTT\x05\x00\x00\x3c\x00\x00\x01w"))
    extra = b"" if level == 4 else b"\x00"
    stream = publish(7, b"t", extra + b"first" * 60) + publish(8, b"t", extra + b"second")
    session.received(stream[:100])
    session.received(stream[100:])
    answers = puback(8) + puback(7)
    assert session.sent(answers[:3]) == []
    assert session.sent(answers[3:]) == [b"second", b"first" * 60]
    session.received(publish(7, b"t", extra + b"again"))
    assert session.sent(puback(7)) == [b"again"]


@pytest.mark.crash
def test_no_acknowledged_packet_is_lost_in_images_of_a_rolling_writer():
    need("strace")
    report = run(60, 7, scenario.writer("FULL", messages=120, segment_bytes=8000))
    assert report.acknowledged == 120
    assert (report.early, report.lossy, report.broken) == (0, 0, 0), report.findings
    assert (report.images, len(report.modes)) == (60, 4)


@pytest.mark.crash
def test_the_control_without_flushes_fails():
    need("strace")
    report = run(40, 7, scenario.writer("NORMAL", messages=120, segment_bytes=1 << 20), control=True)
    assert report.early > 60
    assert 0 < report.exposed < report.events
    assert report.lossy + report.broken > 20


@pytest.mark.crash
@pytest.mark.system
def test_no_acknowledged_packet_is_lost_in_images_of_the_core_under_mosquitto():
    need("strace")
    report = run(40, 7, scenario.core("FULL", messages=60))
    assert report.acknowledged >= 60
    assert (report.early, report.lossy, report.broken) == (0, 0, 0), report.findings
