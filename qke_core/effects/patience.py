"""Asking again: which failed effects may be repeated, and how a write in doubt is settled first."""

from __future__ import annotations

from typing import Final, TypeVar

from qke_core.effects.base import Effect, Flow, perform
from qke_core.effects.time import Sleep
from qke_core.errors import RemoteError

R = TypeVar("R")

ATTEMPTS: Final = 10
PAUSE_MS: Final = 15_000
"""Ours, not a rule of the platform: two and a half minutes outlast a busy API (5100) and a lost answer."""


def perform_patiently(effect: Effect[R], attempts: int = ATTEMPTS, pause_ms: int = PAUSE_MS) -> Flow[R]:
    """Perform an effect, and again after a pause while the error says that this may help.

    A write whose answer was lost is first probed: if it happened, its reply is what the probe found, and it is not
    asked for again.

    Raises:
        RemoteError: the last one, when it does not allow a retry or `attempts` are used up.
    """
    for left in range(attempts - 1, -1, -1):
        try:
            return (yield from perform(effect))
        except RemoteError as error:
            if effect.mutates and error.in_doubt:
                settled = yield from effect.probe()
                if settled is not None:
                    return effect.parse_reply(settled.reply)
            elif not error.retry:
                raise
            if not left:
                raise
        yield from perform(Sleep(pause_ms))
    message = "attempts must be at least 1"
    raise ValueError(message)
