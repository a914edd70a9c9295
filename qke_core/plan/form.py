"""The form of a plan as JSON: its JSON Schema, which is the promise to programs that read plans."""

from __future__ import annotations

from qke_core.effects.base import Json, JsonObject
from qke_core.lifecycle import TABLE
from qke_core.plan.model import FORMAT

_TEXT: JsonObject = {"type": "string"}
_COUNT: JsonObject = {"type": "integer", "minimum": 0}
_MONEY: JsonObject = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "CNY, an exact decimal."}


def _object(properties: JsonObject, about: str = "") -> JsonObject:
    """Return the schema of an object with exactly these keys."""
    found: dict[str, Json] = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {**found, "description": about} if about else found


def _list(items: JsonObject) -> JsonObject:
    return {"type": "array", "items": items}


_INTERVAL = _object({"min_ms": _COUNT, "max_ms": _COUNT}, "Shortest and longest, in milliseconds.")
_AMOUNTS: JsonObject = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}

_SHAPE = _object({"count": _COUNT, "instance_class": _COUNT, "cpu": _COUNT, "memory_mib": _COUNT, "volume_gib": _COUNT})

_STATE = _object(
    {
        "name": _TEXT,
        "zone": _TEXT,
        "phase": {"enum": ["absent", "active", "stopped", "suspended", "deleted", "ceased"]},
        "version": _TEXT,
        "born_as": _TEXT,
        "vxnet": _TEXT,
        "roles": {"type": "object", "additionalProperties": _SHAPE},
        "nodes": {"type": "object", "additionalProperties": _list({"type": "integer", "minimum": 1})},
        "env": {"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}},
        "modules": _list(_TEXT),
        "links": _object({"etcd": _TEXT, "elk": _TEXT}),
        "billing": _object({"mode": _TEXT, "term": {"type": ["string", "null"]}}),
        "awaits_restart": _list(_TEXT),
    },
    "A cluster at one instant.",
)

_STAGE = _object(
    {
        "id": _TEXT,
        "title": _TEXT,
        "reason": _TEXT,
        "guard": _TEXT,
        "disruption": _TEXT,
        "felt": _INTERVAL,
        "duration": _INTERVAL,
        "after": _list(_TEXT),
        "touches": _object(
            {
                "restarts": _list(_TEXT),
                "roles": _list(_TEXT),
                "manner": {"enum": ["none", "rolling", "at-once"]},
            }
        ),
        "inside": {"type": "boolean", "description": "Whether it is part of the job, or comes before or after it."},
    },
    "What happens inside an operation; stages that are not after one another go side by side.",
)

_STEP = _object(
    {
        "id": _TEXT,
        "operation": {"enum": list(TABLE)},
        "title": _TEXT,
        "reason": _TEXT,
        "change": {"type": "object", "description": "What the platform is asked for; its keys depend on operation."},
        "guards": _list(_TEXT),
        "after": _list(_object({"step": _TEXT, "why": _TEXT})),
        "duration": _INTERVAL,
        "stages": _list(_STAGE),
        "quota": _object({"peak": _AMOUNTS, "takes": _AMOUNTS, "frees": _AMOUNTS}),
        "cost_per_hour_cny": _MONEY,
    },
    "One operation; steps stand in the order in which they are done.",
)

_FINDING = _object(
    {
        "code": _TEXT,
        "severity": {"enum": ["blocker", "warning", "note"]},
        "subject": _TEXT,
        "sentence": _TEXT,
        "remedy": _TEXT,
        "platform_code": _COUNT,
        "source": _TEXT,
        "document": {"enum": ["cluster", "world", "observation"]},
        "path": _list({"type": ["string", "integer"]}),
    }
)

SCHEMA: JsonObject = _object(
    {
        "apiVersion": {"const": FORMAT},
        "kind": {"const": "Plan"},
        "cluster": _TEXT,
        "before": _STATE,
        "wish": _STATE,
        "price_book": _TEXT,
        "total": _INTERVAL,
        "cost_per_hour_cny": _MONEY,
        "steps": _list(_STEP),
        "findings": _list(_FINDING),
    },
    "What lies between a cluster and a wish: qke plan --json, or -o FILE.",
)
"""JSON Schema (2020-12) of `Plan.to_json`."""
