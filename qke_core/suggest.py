"""The nearest valid word for a mistyped one, so that every refusal can name it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from itertools import takewhile


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """Return the valid word nearest to `word`, or None when nothing is near. Case does not matter.

    Of equally near words the one that begins alike for longest is taken, so `3.2.0` means `3.2.1` and not `3.3.0`.
    """
    folded = word.casefold()
    by_folded = {candidate.casefold(): candidate for candidate in sorted(valid, reverse=True)}
    found = get_close_matches(folded, sorted(by_folded), n=len(by_folded) or 1, cutoff=0.5)
    if not found:
        return None

    def likeness(candidate: str) -> tuple[float, int]:
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(candidate, folded, strict=False))
        return SequenceMatcher(None, candidate, folded).ratio(), len(list(alike))

    return by_folded[max(found, key=likeness)]


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Return a remedy: the nearest valid word, or all of them when nothing is near."""
    choices = sorted(valid)
    found = nearest(word, choices)
    if found is not None:
        return f"did you mean {found!r}?"
    return "use one of: " + ", ".join(choices) if choices else "nothing can be named here"
