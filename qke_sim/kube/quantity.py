"""Kubernetes quantities: `100m`, `0.5`, `128Mi`, `1G`."""

from __future__ import annotations

import re
from fractions import Fraction

_SUFFIXES = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{suffix: Fraction(1000 ** (power + 1)) for power, suffix in enumerate("kMGTPE")},
    **{f"{suffix}i": Fraction(1024 ** (power + 1)) for power, suffix in enumerate("KMGTPE")},
}
_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3})|([a-zA-Z]*))", re.ASCII)
"""A number and either an exponent or a suffix: `1e3`, `1k`, never both; `1E` is an exa."""


def parse_quantity(text: str | float) -> Fraction:
    """Read a quantity exactly.

    Raises:
        ValueError: when the text is no Kubernetes quantity.
    """
    match = _QUANTITY.fullmatch(str(text))
    if match is None or (match.group(3) or "") not in _SUFFIXES:
        message = f"{text!r} is not a Kubernetes quantity: write it like 250m, 0.5, 128Mi or 1Gi"
        raise ValueError(message)
    return Fraction(match.group(1)) * Fraction(10) ** int(match.group(2) or 0) * _SUFFIXES[match.group(3) or ""]


def to_millicores(text: str | float) -> int:
    """Read a CPU quantity; millicores, rounded up as Kubernetes does."""
    return _ceil(parse_quantity(text) * 1000)


def to_bytes(text: str | float) -> int:
    """Read a memory quantity; bytes, rounded up."""
    return _ceil(parse_quantity(text))


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
