"""Identifiers of simulated resources: the product's formats, derived from stable names and never from luck."""

from __future__ import annotations

from hashlib import sha256

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def make_id(prefix: str, *names: str | int, length: int = 8) -> str:
    """Return `prefix-xxxxxxxx` for the thing that `names` name; the same names give the same id.

    Rule: QingCloud id formats, prefix, hyphen, eight lower case letters or digits.
    """
    number = int.from_bytes(sha256("/".join(map(str, names)).encode()).digest(), "big")
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return f"{prefix}-{''.join(digits)}"
