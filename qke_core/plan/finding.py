"""What a rule says about a cluster before anything is touched."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from qke_core.effects.base import JsonObject

Severity = Literal["blocker", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, applied to one subject.

    `severity`: a *blocker* means the operation would be refused or would fail; a *warning* that something will be felt
    or lost; a *note* is good to know. `platform_code` is the product's own code for the same thing, 0 when it has none.
    """

    code: str
    severity: Severity
    subject: str
    sentence: str
    remedy: str
    platform_code: int
    source: str

    def to_json(self) -> JsonObject:
        """Return the finding as JSON data."""
        return asdict(self)
