"""Profile text (TOML) to Profile, or every problem in it at once. Pure: reading files is not done here."""

from __future__ import annotations

import tomllib
from typing import Any, Literal, cast

from device_profiles import _detectors, _rules, _topics
from device_profiles._model import (
    LIMITS,
    AlarmDefinition,
    DeviceAlarm,
    Example,
    KeepLive,
    Point,
    Profile,
    Stream,
    SuppressWhen,
)
from device_profiles._tables import ID, NS, Table
from device_profiles._units import UNITS
from device_profiles.codecs import REASONS, kinds, load

MAX_TEXT_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_POINTS = 256
MAX_ALARMS = 1024
MAX_DETECTORS = 1024
MAX_EXAMPLES = 100
MAX_PAYLOAD_BYTES = 256 * 1024

DEFAULT_STREAMS = {"batch": "json_batch", "columns": "json_columns", "binary": "binary", "senml": "senml"}
"""Every profile has these; a ``[[stream]]`` of the same name replaces the codec."""

DEFAULT_DEVICE_ALARMS = (
    DeviceAlarm(
        condition="silent",
        priority=3,
        response_en="Check the device's power and network; watch the place by other means until it speaks.",
        response_zh="检查设备供电和网络；恢复通讯前用其他方式监视该处。",
    ),
    DeviceAlarm(
        condition="never_seen",
        priority=4,
        response_en="Check that the device is installed, and that its topic is the one in the fleet list.",
        response_zh="检查设备是否已安装，主题是否与设备清单一致。",
    ),
    DeviceAlarm(
        condition="sensor_fault",
        priority=3,
        response_en="Have the sensor and its wiring checked; its process alarms are blind until then.",
        response_zh="检修传感器及接线；修复前该点工艺报警失效。",
    ),
    DeviceAlarm(
        condition="out_of_range",
        priority=3,
        response_en="Compare with a second instrument: either the process or the sensor left its range.",
        response_zh="用第二块仪表核对：工艺或传感器已超出量程。",
    ),
    DeviceAlarm(
        condition="clock_changed",
        priority=4,
        response_en="Set the device's clock; its earlier times may be wrong.",
        response_zh="校准设备时钟；此前的时间可能有误。",
    ),
    DeviceAlarm(
        condition="clock_drift",
        priority=4,
        response_en="Let it fetch its time regularly; its times are off by more every day.",
        response_zh="设置设备定期对时；其时间偏差逐日增大。",
    ),
    DeviceAlarm(
        condition="flooding",
        priority=4,
        response_en="Find what makes it send so often; limits judge all, trends and history skip the excess.",
        response_zh="查明设备频繁上报的原因；限值报警照常判断，超出部分不参与趋势检测和历史存储。",
    ),
    DeviceAlarm(
        condition="duplicate_identity",
        priority=2,
        response_en="Find both devices, give one its own id; until then neither place is surely watched.",
        response_zh="找出两台设备，为其中一台分配独立编号；在此之前两处都不能保证受到监视。",
    ),
    DeviceAlarm(
        condition="expired",
        priority=3,
        response_en="Replace it and enter its new day of expiry; until then watch the place otherwise too.",
        response_zh="更换传感器并登记新的到期日期；期间同时用其他方式监视现场。",
    ),
)
DEVICE_CONDITIONS = tuple(alarm.condition for alarm in DEFAULT_DEVICE_ALARMS)


class ProfileError(Exception):
    """A profile's text is wrong; ``problems`` holds all of it: "<profile>: <key>: <what>; <fix>"."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(problems)  # what it is made of again in another process

    def __str__(self) -> str:
        return "\n".join(self.problems)


def parse(profile_id: str, text: str, *, draft: bool = False) -> Profile:
    """The profile of a TOML text; ``profile_id`` is "<family>/<model>".

    Raises ProfileError with every problem found. Examples are read here and run by ``check``; a draft may
    have none yet.
    """
    problems: list[str] = []
    family, slash, model = profile_id.partition("/")
    if not slash or not ID.fullmatch(family) or not ID.fullmatch(model):
        problems.append("id: is not <family>/<model>; name the file so, with A-Z a-z 0-9 . _ : - only")
    root = Table(_load(profile_id, text), "", problems)
    profile = _profile(profile_id, root)
    root.close()
    faulty = {p.partition(":")[0].partition(".")[0] for p in problems}
    problems += _rules.check(profile, frozenset(faulty | {"example"} if draft else faulty))
    if problems:
        raise ProfileError([f"{profile_id[:140]}: {problem}" for problem in problems])
    return profile


def _load(profile_id: str, text: str) -> dict[str, Any]:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        raise ProfileError([f"{profile_id[:140]}: has {size} bytes; shorten it to {MAX_TEXT_BYTES}"])
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError([f"{profile_id[:140]}: not TOML: {error}; correct it there"]) from None
    except ValueError as error:  # a number with thousands of digits, an impossible date
        raise ProfileError([f"{profile_id[:140]}: not TOML: {error}; correct that value"]) from None
    except RecursionError:
        tables = None
    if tables is None or _deeper(tables, MAX_DEPTH):
        raise ProfileError([f"{profile_id[:140]}: is nested deeper than {MAX_DEPTH} levels; flatten it"])
    return tables


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(item, levels - 1) for item in inside)


def _profile(profile_id: str, root: Table) -> Profile:
    head = root.table("profile")
    period = head.seconds_ns("period_s")
    upload = head.seconds_ns("upload_period_s", period)
    points = tuple(_point(t) for t in root.tables("point", MAX_POINTS))
    streams = _streams(root, points)
    profile = Profile(
        id=profile_id,
        title_en=head.text("title_en"),
        title_zh=head.text("title_zh"),
        edition=head.text("edition"),
        period_ns=period,
        upload_period_ns=upload,
        max_per_period=head.integer("max_per_period", 1, 10_000, 20),
        silent_after_ns=head.seconds_ns("silent_after_s", 2 * max(period, upload)),
        late_after_ns=head.seconds_ns("late_after_s", upload + 2 * period),
        max_future_ns=head.seconds_ns("max_future_s", 60 * NS),
        clear_readings=head.integer("clear_readings", 1, 100, 3 if period <= 60 * NS else 1),
        rebase_readings=head.integer("rebase_readings", 2, 100, 5),
        max_payload_bytes=head.integer("max_payload_bytes", 64, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES),
        points=points,
        alarms=tuple(_alarm(t) for t in root.tables("alarm", MAX_ALARMS)),
        device_alarms=_device_alarms(root),
        detectors=tuple(_detectors.detector(t) for t in root.tables("detector", MAX_DETECTORS)),
        keep_live=tuple(_keep_live(t) for t in root.tables("keep_live", MAX_POINTS)),
        suppress_when=tuple(_suppress_when(t) for t in root.tables("suppress_when", MAX_POINTS)),
        streams=streams,
        topics=_topics.topics(root, [*(s.name for s in streams), *(p.channel for p in points)]),
        examples=tuple(_example(t) for t in root.tables("example", MAX_EXAMPLES)),
    )
    head.close()
    return profile


def _point(table: Table) -> Point:
    kind = cast('Literal["analog", "discrete"]', table.choice("kind", ("analog", "discrete"), "analog"))
    channel = table.identifier("channel")
    title_en, title_zh = table.text("title_en"), table.text("title_zh")
    missing = table.numbers("missing")
    on_event = table.boolean("on_event", False)
    if kind == "discrete":
        point = Point(
            channel=channel,
            title_en=title_en,
            title_zh=title_zh,
            unit="",
            kind=kind,
            missing=missing,
            on_event=on_event,
            states=table.texts("states"),
            states_zh=table.texts("states_zh"),
        )
        for key in ("unit", "low", "high", "wire_unit"):
            if table.has(key):
                table.note(key, "has no meaning on a discrete point; remove it")
    else:
        point = Point(
            channel=channel,
            title_en=title_en,
            title_zh=title_zh,
            unit=table.choice("unit", UNITS - {""}),
            low=table.number("low"),
            high=table.number("high"),
            wire_unit=table.choice("wire_unit", ("mA",)) if table.has("wire_unit") else "",
            missing=missing,
            on_event=on_event,
        )
        for key in ("states", "states_zh"):
            if table.has(key):
                table.note(key, 'belongs to a discrete point; remove it or set kind = "discrete"')
    table.close()
    return point


def _alarm(table: Table) -> AlarmDefinition:
    condition = table.identifier("condition")
    alarm = AlarmDefinition(
        channel=table.identifier("channel"),
        condition=condition,
        setpoint=table.number("setpoint", None if condition in LIMITS else 0.0),
        in_states=table.integers("in_states"),
        deadband=table.number("deadband", 0.0),
        on_delay_ns=table.seconds_ns("on_delay_s", 0, above_zero=False),
        off_delay_ns=table.seconds_ns("off_delay_s", 0, above_zero=False),
        priority=table.integer("priority", 1, 4),
        latch=table.boolean("latch", False),
        consequence_en=table.text("consequence_en"),
        consequence_zh=table.text("consequence_zh"),
        response_en=table.text("response_en"),
        response_zh=table.text("response_zh"),
        clause=table.text("clause"),
        source_verified=table.boolean("source_verified"),
    )
    if condition not in LIMITS:
        for key in ("setpoint", "deadband"):
            if table.has(key):
                table.note(
                    key,
                    f"belongs to a limit, and condition {condition[:64]!r} is none of {', '.join(LIMITS)}; "
                    "correct the condition or remove this",
                )
    elif table.has("in_states"):
        table.note("in_states", "belongs to a discrete point's condition; remove it")
    table.close()
    return alarm


def _device_alarms(root: Table) -> tuple[DeviceAlarm, ...]:
    """One of each condition, in their fixed order; a ``[[device_alarm]]`` replaces the keys it gives."""
    found = {alarm.condition: alarm for alarm in DEFAULT_DEVICE_ALARMS}
    given: set[str] = set()
    for table in root.tables("device_alarm", 100):
        condition = table.choice("condition", DEVICE_CONDITIONS)
        usual = found[condition or DEVICE_CONDITIONS[0]]
        if condition in given:
            table.note("condition", f"{condition!r} stands twice; keep one")
        given.add(condition)
        found[usual.condition] = DeviceAlarm(
            condition=usual.condition,
            priority=table.integer("priority", 1, 4, usual.priority),
            response_en=table.text("response_en", usual.response_en),
            response_zh=table.text("response_zh", usual.response_zh),
        )
        table.close()
    return tuple(found.values())


def _keep_live(table: Table) -> KeepLive:
    kept = KeepLive(
        channel=table.identifier("channel"),
        at_least=table.integer("at_least", 1, 1000),
        within=table.choice("within", ("asset", "site"), "asset"),
    )
    table.close()
    return kept


def _suppress_when(table: Table) -> SuppressWhen:
    found = SuppressWhen(
        channel=table.identifier("channel"),
        condition=table.identifier("condition"),
        state=table.identifier("state"),
        states=table.integers("is"),
        after_ns=table.seconds_ns("after_s", 0, above_zero=False),
        of=table.text("of", ""),
    )
    table.close()
    return found


def _streams(root: Table, points: tuple[Point, ...]) -> tuple[Stream, ...]:
    found = {name: Stream(name=name, codec=codec) for name, codec in DEFAULT_STREAMS.items()}
    given: set[str] = set()
    for table in root.tables("stream", MAX_POINTS):
        name = table.identifier("name")
        if name in given:
            table.note("name", f"{name!r} stands twice; keep one")
        given.add(name)
        kind = table.choice("codec", kinds())
        settings = None
        if kind and table.text("codec") == kind:  # else its keys are those of a codec that is not known
            reads = getattr(load(kind), "settings", None)
            settings = None if reads is None else reads(table, points)
            table.close()
        found[name] = Stream(name=name, codec=kind, settings=settings)
    return tuple(found.values())


def _example(table: Table) -> Example:
    readings = []
    for row in table.tables("readings", 10_000):
        at = row.integer("time_ms", -(1 << 53), 1 << 53)
        value = row.number("value") if row.has("value") else None
        readings.append(
            (row.identifier("channel"), at, value, row.choice("quality", ("good", "uncertain", "bad")))
        )
        row.close()
    example = Example(
        stream=table.identifier("stream"),
        payload=table.payload("payload"),
        readings=tuple(readings),
        refused=table.choice("refused", REASONS) if table.has("refused") else "",
    )
    if not readings and not example.refused:
        table.note("readings", "is missing; say what readings it gives, or by which reason it is refused")
    table.close()
    return example
