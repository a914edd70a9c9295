"""One call in hand: who calls, with which parameters; and the cloud's way of saying no.

Parameters come as the API has them, lists and objects unfolded. A reader that finds a value of the wrong form refuses
it, so that a handler sees sound values only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from qke_core.effects import Json, JsonObject

T = TypeVar("T")

LIMIT_DEFAULT = 20
LIMIT_MAX = 100

BAD_MESSAGE = 1100
PERMISSION_DENIED = 1400
NOT_FOUND = 2100
ALREADY_EXISTS = 2110
BALANCE_SHORT = 2400
QUOTAS_EXCEEDED = 2500
RESOURCES_SHORT = 5200
IN_USE = 5400

INHABITANTS = ("platform", "csi", "ccm", "kube-lb")
"""Who lives in the twin: only their calls may name an owner, and only the platform's are not counted."""


class CloudRefusal(Exception):
    """The cloud says no: `ret_code` and the message as the API words it."""

    def __init__(self, ret_code: int, message: str) -> None:
        """Keep both parts."""
        super().__init__(ret_code, message)
        self.ret_code = ret_code
        self.message = message


def denied(sentence: str) -> CloudRefusal:
    """Return the refusal of what the present state does not allow; `sentence` follows the error word."""
    return CloudRefusal(PERMISSION_DENIED, f"PermissionDenied, {sentence}")


def not_found(kind: str, resource_id: str) -> CloudRefusal:
    """Return the refusal of an unknown id."""
    return CloudRefusal(NOT_FOUND, f"ResourceNotFound, {kind} [{resource_id}] not found")


def invalid(name: str, value: object) -> CloudRefusal:
    """Return the refusal of a parameter's value."""
    return CloudRefusal(BAD_MESSAGE, f"InvalidRequestFormat, invalid value [{value}] of parameter [{name}]")


@dataclass(frozen=True, slots=True)
class Call:
    """One call: who calls, with which parameters, and the record of the call."""

    by: str
    params: JsonObject
    seq: int

    @property
    def internal(self) -> bool:
        """Whether an inhabitant of the twin calls: `by` ends with one of their names, as `shop/master1 csi` does."""
        return self.by.rpartition(" ")[2] in INHABITANTS

    def text(self, name: str, default: str = "") -> str:
        """Return a text parameter; numbers are texts on the wire."""
        value = self.params.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, str | int | float):
            return str(value)
        raise invalid(name, value)

    def required(self, name: str) -> str:
        """Return a text parameter that must be there and not empty."""
        value = self.text(name)
        if not value:
            raise CloudRefusal(BAD_MESSAGE, f"MissingParameter, parameter [{name}] is required")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts without repetition; empty when it is left out."""
        value = self.params.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise invalid(name, value)
        return list(dict.fromkeys(str(item) for item in cast("Sequence[object]", value)))

    def required_texts(self, name: str) -> list[str]:
        """Return a list of texts that must have at least one."""
        found = self.texts(name)
        if not found:
            raise CloudRefusal(BAD_MESSAGE, f"MissingParameter, parameter [{name}] is required")
        return found

    def number(self, name: str, default: int = 0, *, least: int | None = None, most: int | None = None) -> int:
        """Return a whole number within bounds."""
        text = self.text(name)
        if not text:
            return default
        try:
            value = int(text)
        except ValueError:
            raise invalid(name, text) from None
        if (least is not None and value < least) or (most is not None and value > most):
            raise invalid(name, text)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a 0 or 1."""
        return bool(self.number(name, int(default)))

    def objects(self, name: str) -> list[Mapping[str, Json]]:
        """Return a list of objects; empty when it is left out."""
        value = self.params.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
            raise invalid(name, value)
        return [cast("Mapping[str, Json]", item) for item in value]

    def page(self, items: Sequence[T]) -> list[T]:
        """Return the page that `offset` and `limit` ask for: 20 items unless told, 100 at most."""
        offset = self.number("offset", 0, least=0)
        limit = min(self.number("limit", LIMIT_DEFAULT, least=0), LIMIT_MAX)
        return list(items[offset : offset + limit])
