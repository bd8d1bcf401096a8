"""Durations as Go writes them: `4m0s`, `8760h0m0s`, `1.5s`. Seconds on our side."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"[+-]?(?:{_PART})+", re.ASCII)
_MAXIMUM = (2**63 - 1) / 1e9
"""Go counts nanoseconds in an int64."""


def parse_duration(text: str) -> float:
    """Seconds of a Go duration; ValueError if it is none."""
    if text in ("0", "+0", "-0"):
        return 0.0
    if not _DURATION.fullmatch(text):
        raise ValueError(f'"{text}" is not a duration such as "4m0s" or "24h"')
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text, flags=re.ASCII))
    if seconds > _MAXIMUM:
        raise ValueError(f'"{text}" is longer than 2562047h')
    return -seconds if text.startswith("-") else seconds


def format_duration(seconds: float) -> str:
    """The Go spelling of a duration, as `time.Duration.String` has it."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds == 0:
        return "0s"
    for unit, size in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if seconds < size * 1000:
            return f"{round(seconds / size, 9):.9g}{unit}"
    whole, rest = divmod(round(seconds * 1_000_000_000), 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    minutes, secs = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{secs}{fraction}s"
    return f"{minutes}m{secs}{fraction}s" if minutes else f"{secs}{fraction}s"


def short_duration(seconds: float) -> str:
    """As people say it, and Kubernetes shows it (apimachinery's HumanDuration): `364d`, `9y`, `4h12m`."""
    total = int(seconds)
    minutes, hours, days = total // 60, total // 3600, total // 86400
    years, of_year = divmod(days, 365)
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return _two(minutes, "m", total % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if years < 2:
        return f"{days}d"
    return _two(years, "y", of_year, "d") if years < 8 else f"{years}y"


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large}{unit}" + (f"{small}{smaller}" if small else "")
