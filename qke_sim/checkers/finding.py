"""What a checker reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken law: its code, whom it concerns, what is wrong."""

    code: str
    subject: str
    sentence: str
