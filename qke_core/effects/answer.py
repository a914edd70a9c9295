"""Reading answers of the cloud: refusals become errors, fields become plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from qke_core.catalog import catalog
from qke_core.effects.base import Json
from qke_core.errors import RemoteError

INTERNAL_ERROR = 5000
RETRY_CODES = frozenset({INTERNAL_ERROR, 5100})
"""ret_codes that say "not now": internal error, server busy (QingCloud API error codes; the SDK repeats these too)."""

TOO_FREQUENT = "too frequently"
"""Words of the API's message when the account calls too often: ret_code 2500 like a quota, but it passes."""


SHORTAGES = (2400, 2500, 5200)
"""Codes that say what is short, of the account or of the zone: no resource's state mends it."""


def require_answer(action: str, answer: Mapping[str, Json]) -> Json:
    """Return the answer of an action when its `ret_code` is 0.

    Raises:
        RemoteError: `cloud.refused` with the API's code and message otherwise; `retry` for codes that say "not now"; in
            doubt after an internal error, which may have struck when the work was half done.
    """
    ret_code = number(answer, "ret_code")
    if ret_code == 0:
        return answer
    retry = ret_code in RETRY_CODES or TOO_FREQUENT in text(answer, "message")
    raise RemoteError(
        "cloud.refused",
        f"{action} was refused with ret_code {ret_code}: {text(answer, 'message')}",
        "try again later" if retry else _remedy(ret_code),
        {"action": action, "ret_code": ret_code},
        retry=retry,
        in_doubt=ret_code == INTERNAL_ERROR,
    )


def _remedy(ret_code: int) -> str:
    """Return what to do about a refusal that another try does not mend."""
    known = catalog().ret_codes.get(ret_code)
    found = known.remedy if known is not None and ret_code in SHORTAGES else ""
    return found or "look at the state of the resource that the message names"


def items(reply: Json, field: str) -> Sequence[Mapping[str, Json]]:
    """Return the objects that a list of an answer holds; none when it is not there."""
    found = reply.get(field) if isinstance(reply, Mapping) else None
    return cast("Sequence[Mapping[str, Json]]", found or ())


def text(item: Mapping[str, Json], field: str) -> str:
    """Return a field as text, empty when it is not there."""
    value = item.get(field)
    return "" if value is None else str(value)


def number(item: Mapping[str, Json], field: str) -> int:
    """Return a field as a whole number, 0 when it is not there."""
    value = item.get(field)
    return int(value) if isinstance(value, int | str) else 0
