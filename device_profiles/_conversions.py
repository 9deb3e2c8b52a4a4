"""How vendors spell units, and what one unit is in another: only what is exact and needs no knowledge of the
gas or the process. %LEL to %VOL depends on the gas, mg/m3 to ppm on gas, temperature and pressure: a profile
that needs these gives the factor itself.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from device_profiles._units import UNITS

_SPELLED = {
    "%LEL": "％LEL %lel LEL% lel% LEL％ %爆炸下限",
    "LEL.m": "LEL·m LEL•m LEL*m LELm",
    "%VOL": "％VOL %Vol %vol VOL% Vol% vol% 体积百分比 体积分数%",
    "ppm": "PPM Ppm 百万分之一",
    "ppb": "PPB Ppb 十亿分之一",
    "g/m3": "g/m³ g/m^3 克/立方米 克每立方米",
    "mg/m3": "mg/m³ mg/m^3 毫克/立方米 毫克每立方米",
    "ug/m3": "μg/m3 μg/m³ μg/m^3 µg/m3 µg/m³ µg/m^3 ug/m³ ug/m^3 微克/立方米 微克每立方米",
    "Pa": "帕 帕斯卡",
    "kPa": "KPa KPA kpa Kpa 千帕",
    "MPa": "Mpa MPA 兆帕",
    "bar": "Bar BAR 巴",
    "mbar": "hPa 毫巴 百帕",
    "degC": "℃ °C 摄氏度 Cel",
    "degF": "℉ °F 华氏度",
    "K": "开尔文",
    "degC/min": "℃/min °C/min 摄氏度/分钟",
    "%RH": "％RH RH% %rh 相对湿度%",
    "%": "％ 百分比 百分之",
    "m3/h": "m³/h m^3/h 立方米/小时 立方米每小时",
    "m3/s": "m³/s m^3/s 立方米/秒 立方米每秒",
    "L/min": "l/min 升/分钟 升/分 升每分钟",
    "kg/h": "千克/小时 公斤/小时",
    "t/h": "吨/小时",
    "m/s": "米/秒 米每秒",
    "km/h": "公里/小时 千米/小时",
    "mm/s": "毫米/秒",
    "m": "米",
    "km": "公里 千米",
    "cm": "厘米",
    "mm": "毫米",
    "kg": "千克 公斤 Kg KG",
    "t": "吨",
    "lx": "勒克斯 Lux lux",
    "dB": "分贝",
    "V": "伏 伏特",
    "mV": "毫伏",
    "A": "安 安培",
    "mA": "毫安",
    "uA": "μA µA 微安",
    "A/m2": "A/m² 安/平方米",
    "kW": "千瓦 KW",
    "W": "瓦 瓦特",
    "Hz": "赫兹 赫 HZ",
    "ohm": "Ω Ω 欧姆 欧 Ohm",
    "ohm.m": "Ω·m Ω·m Ω.m 欧姆·米 欧姆米",
    "ms": "毫秒",
    "s": "秒 sec",
    "min": "分钟 分",
    "h": "小时 时",
    "d": "天 日",
    "1/s": "次/秒",
    "1/min": "rpm RPM r/min 转/分钟 转/分 次/分钟 次/分",
    "count": "次 个",
    "m/s2": "m/s² m/s^2 米/秒²",
}

_KINDS: tuple[dict[str, str], ...] = (
    {"Pa": "1", "mbar": "100", "kPa": "1000", "bar": "100000", "MPa": "1000000"},
    {"mm": "1", "cm": "10", "m": "1000", "km": "1000000"},
    {"mV": "1", "V": "1000"},
    {"mV(CSE)": "1", "V(CSE)": "1000"},
    {"uA": "1", "mA": "1000", "A": "1000000"},
    {"W": "1", "kW": "1000"},
    {"ms": "1", "s": "1000", "min": "60000", "h": "3600000", "d": "86400000"},
    {"1/min": "1", "1/s": "60"},
    {"ppb": "1", "ppm": "1000", "%VOL": "10000000"},
    {"ug/m3": "1", "mg/m3": "1000", "g/m3": "1000000"},
    {"kg": "1", "t": "1000"},
    {"kg/h": "1", "t/h": "1000"},
    {"L/min": "60/1000", "m3/h": "1", "m3/s": "3600"},
    {"mm/s": "1/1000", "m/s": "1", "km/h": "10/36"},
    {"%": "1", "1": "100"},
)
"""Units of one kind, each in the same base."""

_DEGREES = {"K": (Fraction(1), Fraction(0)), "degC": (Fraction(1), Fraction("273.15"))}
_DEGREES["degF"] = (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9))
"""Kelvin of a temperature: factor and offset."""

# Journals are replayed by these tables: another spelling or unit is a new behaviour version.
SPELLINGS = {word: unit for unit, words in _SPELLED.items() for word in words.split()}
"""Vendor's spelling -> unit."""
WIRE_UNITS = UNITS - {""} | set(_SPELLED)
"""Units whose meaning is known."""


class Linear(NamedTuple):
    """(value * num + add) / den: whole numbers, so that 213 tenths less 40 is -18.7, not a bit beside it."""

    num: float
    add: float
    den: float

    def of(self, value: float) -> float:
        """The value in the other unit; not finite when it is beyond float64."""
        return (value * self.num + self.add) / self.den


SAME = Linear(1.0, 0.0, 1.0)


def spelled(text: str) -> str:
    """The unit that a vendor's text means; the text itself when nobody knows it."""
    return SPELLINGS.get(text, text)


def linear(factor: float, offset: float) -> Linear:
    """value * factor + offset, both as the decimal numbers that were written."""
    return _linear(Fraction(repr(factor)), Fraction(repr(offset)))


def between(unit: str, other: str) -> Linear | None:
    """From one unit to the other; None if that is not a matter of units alone."""
    if unit == other:
        return SAME
    if unit in _DEGREES and other in _DEGREES:
        (factor, offset), (into, shift) = _DEGREES[unit], _DEGREES[other]
        return _linear(factor / into, (offset - shift) / into)
    for kind in _KINDS:
        if unit in kind and other in kind:
            return _linear(Fraction(kind[unit]) / Fraction(kind[other]), Fraction(0))
    return None


def _linear(factor: Fraction, offset: Fraction) -> Linear:
    den = math.lcm(factor.denominator, offset.denominator)
    try:
        made = Linear(float(factor * den), float(offset * den), float(den))
    except OverflowError:
        made = Linear(float(factor), float(offset), 1.0)
    return made
