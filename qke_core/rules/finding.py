"""What a rule says about a cluster before anything is touched."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from qke_core.documents import Path
from qke_core.effects.base import JsonObject

Severity = Literal["blocker", "warning", "note"]
Document = Literal["cluster", "world", "observation"]

RANKS: tuple[Severity, ...] = ("blocker", "warning", "note")
"""Severities, the gravest first: the order in which people read them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, applied to one subject.

    `severity`: a *blocker* means the operation would be refused or would fail; a *warning* that something will be felt
    or lost; a *note* is good to know. `platform_code` is the product's own code for the same thing, 0 when it has none.
    `source` says where the rule comes from, with the guide's numbers. `path` leads to the offending value in
    `document`; a finding about a running cluster has the empty path.
    """

    code: str
    severity: Severity
    subject: str
    sentence: str
    remedy: str
    platform_code: int
    source: str
    document: Document = "observation"
    path: Path = ()

    def to_json(self) -> JsonObject:
        """Return the finding as JSON data."""
        return {**asdict(self), "path": list(self.path)}


def by_rank(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings with the gravest first, otherwise in the order given, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: RANKS.index(finding.severity)))
