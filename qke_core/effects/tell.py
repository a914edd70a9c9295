"""What a workflow says to the people who watch it: plans, findings, progress. Saying changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from qke_core.effects.base import Effect, JsonObject


@dataclass(frozen=True, slots=True)
class Tell(Effect[None]):
    """Tell the watcher something of kind `topic` about `subject`. `body` is JSON text, so the effect stays plain."""

    name: ClassVar[str] = "tell"
    topic: str
    subject: str
    body: str

    @classmethod
    def of(cls, topic: str, subject: str, body: JsonObject) -> Tell:
        """Make the effect from JSON data; equal data gives an equal effect."""
        return cls(topic, subject, json.dumps(body, sort_keys=True, ensure_ascii=False))
