"""Series of figures as GetMonitor and its kin put them on the wire: one item per step, gaps told apart.

The first item is `[unix time, value]` of the first valid sample. A bare value comes one step after the one before,
`"NA"` stands for a missing one, and `[seconds, value]` comes that many seconds after the valid sample before.

Rule: yunify/qingcloud-docs, monitor compression.
"""

from __future__ import annotations

from collections.abc import Sequence

from qke_core.effects import Json

LONG_GAP = 3
"""From so many missing samples on, an offset is written instead of holes (assumed: no rule says from when)."""


def compress(samples: Sequence[tuple[int, Json]], step_s: int) -> list[Json]:
    """Return samples at a fixed distance on the wire.

    Args:
        samples: unix seconds and value, None where there is none; the times `step_s` apart.
        step_s: the distance.
    """
    found: list[Json] = []
    gap = 0
    for at_s, value in samples:
        if value is None:
            gap += 1
        elif not found:
            found.append([at_s, value])
            gap = 0
        elif gap >= LONG_GAP:
            found.append([(gap + 1) * step_s, value])
            gap = 0
        else:
            found += ["NA"] * gap
            found.append(value)
            gap = 0
    return found
