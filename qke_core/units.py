"""Named units, and their text forms in files: durations and sizes.

Time inside the project is an integer count of milliseconds: it adds up exactly, and ten steps of 0.1 s are one second.
A duration in a file is written with its unit (`90s`, `6m`, `1h30m`); a bare number is refused, because nobody can tell
what it means. Sizes are written `40GiB` or `51200MiB`.
"""

from __future__ import annotations

import re
from typing import Final

MS_PER_S: Final = 1000
MS_PER_MIN: Final = 60 * MS_PER_S
MS_PER_H: Final = 60 * MS_PER_MIN
MS_PER_DAY: Final = 24 * MS_PER_H

_DURATION_UNITS: Final = {"d": MS_PER_DAY, "h": MS_PER_H, "m": MS_PER_MIN, "s": MS_PER_S, "ms": 1}
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
DURATION_PATTERN: Final = r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$"
"""What a duration looks like, as a JSON Schema pattern."""

_SIZE_UNITS_MIB: Final = {"MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}
_SIZE: Final = re.compile(r"(\d+)(MiB|GiB|TiB)", re.ASCII)
SIZE_PATTERN: Final = r"^\d+(MiB|GiB|TiB)$"
"""What a size looks like, as a JSON Schema pattern."""


def parse_duration(text: str) -> int:
    """Read a duration such as `90s`, `6m`, `1h30m` or `250ms`; return milliseconds.

    Raises:
        ValueError: with a sentence for people, when the text is no duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        hint = f"write {text}s, {text}m or {text}h" if text.isdigit() else "write it like 90s, 6m or 1h30m"
        message = f"{text!r} is not a duration: {hint}"
        raise ValueError(message)
    return sum(int(count) * unit for count, unit in zip(match.groups(), _DURATION_UNITS.values(), strict=True) if count)


def render_duration(ms: int) -> str:
    """Write milliseconds as a duration that `parse_duration` reads back to the same number."""
    if ms == 0:
        return "0s"
    parts: list[str] = []
    rest = abs(ms)
    for name, unit in _DURATION_UNITS.items():
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{name}")
    return ("-" if ms < 0 else "") + "".join(parts)


def render_rough(ms: int) -> str:
    """Write milliseconds for people, with two units at most: `1h12m`, `4m05s`, `12.3s`."""
    tenths = (ms + 50) // 100
    if tenths < 600:  # noqa: PLR2004 - one minute, after rounding
        whole, tenth = divmod(tenths, 10)
        return f"{whole}.{tenth}s" if tenth else f"{whole}s"
    seconds = (ms + 500) // MS_PER_S
    if seconds < 3600:  # noqa: PLR2004 - one hour
        return f"{seconds // 60}m{seconds % 60:02d}s"
    minutes = (seconds + 30) // 60
    return f"{minutes // 60}h{minutes % 60:02d}m"


def render_clock(ms: int) -> str:
    """Write a virtual instant as `HH:MM:SS` since the start (hours may pass 24)."""
    seconds = ms // MS_PER_S
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def parse_size(text: str) -> int:
    """Read a size such as `40GiB`; return MiB.

    Raises:
        ValueError: with a sentence for people, when the text is no size.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a size: write it like 51200MiB or 40GiB"
        raise ValueError(message)
    return int(match.group(1)) * _SIZE_UNITS_MIB[match.group(2)]


def render_size(mib: int) -> str:
    """Write MiB as a size that `parse_size` reads back to the same number."""
    for name, unit in reversed(_SIZE_UNITS_MIB.items()):
        if mib and mib % unit == 0:
            return f"{mib // unit}{name}"
    return f"{mib}MiB"
