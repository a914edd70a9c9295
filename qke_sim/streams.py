"""Luck, repeatable.

Every draw depends on the seed, on the drawing thing's stable name, and on how often that thing drew before. So adding a
thing never shifts another's luck, and two policies rehearsed with one seed meet the same luck. Draws use a hash,
integers and a correctly rounded square root only: the same on every machine, interpreter and locale.
"""

from __future__ import annotations

from hashlib import sha256
from math import sqrt

from qke_core.catalog import Duration

_RESOLUTION = 1 << 53


class Streams:
    """All random streams of one run."""

    def __init__(self, seed: int) -> None:
        """Begin with `seed`, any integer."""
        self.seed = seed
        self._drawn: dict[str, int] = {}

    def unit(self, name: str) -> float:
        """Draw the next number of stream `name`, evenly from 0 (included) to 1 (left out)."""
        count = self._drawn.get(name, 0)
        self._drawn[name] = count + 1
        return self._luck(name, count)

    def draw(self, name: str, duration: Duration) -> int:
        """Draw a duration from its triangular distribution; milliseconds. A fixed duration draws nothing."""
        if duration.min_ms == duration.max_ms:
            return duration.min_ms
        return _triangular(self.unit(f"{name}/{duration.name}"), duration)

    def draw_alike(self, group: str, name: str, duration: Duration) -> int:
        """Draw what the members of a group do alike: one duration for all of `group`, and a little spread for `name`.

        The n-th time a member draws, it shares the n-th draw of the group, whichever member comes first.
        """
        spread = duration.spread_percent
        if spread is None:
            return self.draw(name, duration)
        key = f"{name}/{duration.name}/shared"
        count = self._drawn.get(key, 0)
        self._drawn[key] = count + 1
        common = _triangular(self._luck(f"{group}/{duration.name}", count), duration)
        permille = 1000 - 10 * spread + int(self.unit(f"{name}/{duration.name}") * 20 * spread)
        return common * permille // 1000

    def _luck(self, name: str, count: int) -> float:
        digest = sha256(f"{self.seed}\0{name}\0{count}".encode()).digest()
        return (int.from_bytes(digest[:8], "big") >> 11) / _RESOLUTION


def _triangular(luck: float, duration: Duration) -> int:
    """Turn luck from 0 to 1 into milliseconds, by the inverse of the distribution function."""
    low, mode, high = duration.min_ms, duration.mode_ms, duration.max_ms
    span = high - low
    if luck * span < mode - low:
        return low + round(sqrt(luck * span * (mode - low)))
    return high - round(sqrt((1 - luck) * span * (high - mode)))
