"""Let the platform scale a cluster by itself, or stop letting it: at most one policy for each role (guide G-121)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from qke_core.effects import (
    CreateScalingPolicy,
    DeleteScalingPolicies,
    Flow,
    JsonObject,
    ListScalingPolicies,
    perform_patiently,
)
from qke_core.errors import InputError
from qke_core.workflows.sight import look
from qke_core.workflows.watch import take_no


@dataclass(frozen=True, slots=True)
class ScalingPolicyRequest:
    """The policy a cluster shall have, as the action takes it; None to have none."""

    cluster_id: str
    policy: JsonObject | None


def set_scaling_policy(request: ScalingPolicyRequest) -> Flow[str]:
    """Replace a cluster's policies by one, or by none; return the new one's id, "" for none.

    Raises:
        InputError: `cluster.unknown`.
        RefusedError: `operation.refused` when the platform said no (facts: `platform_code`).
        RemoteError: when the cloud door does not answer.
    """
    sight = yield from look(request.cluster_id)
    if sight.cluster.status == "ceased":
        raise InputError("cluster.unknown", f"{sight.name} is gone for ever", "look at the list of clusters")
    known = yield from perform_patiently(ListScalingPolicies(request.cluster_id))
    if known:
        yield from take_no(perform_patiently(DeleteScalingPolicies(request.cluster_id, known)))
    if request.policy is None:
        return ""
    body = json.dumps(request.policy, sort_keys=True, ensure_ascii=False)
    return (yield from take_no(perform_patiently(CreateScalingPolicy(request.cluster_id, body, ()))))
