"""The zone: which there are, what is left of the quotas, and what the platform limits for everybody."""

from __future__ import annotations

from qke_core.catalog import compute, quotas, storage
from qke_core.effects import Json
from qke_sim.cloud.call import Call
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import Actions

ACTIVE = "active"
HIGH_PERFORMANCE, HIGH_CAPACITY_LEGACY, SUPER_HIGH_PERFORMANCE = 0, 2, 3
"""Volume types whose sizes have fields of their own in an answer."""


def _describe_zones(cloud: Cloud, call: Call) -> dict[str, Json]:
    names, wanted = sorted({*storage().zones, cloud.zone}), call.texts("zones")
    statuses = call.texts("status")
    found: list[Json] = [
        {"zone_id": name, "status": ACTIVE}
        for name in names
        if (not wanted or name in wanted) and (not statuses or ACTIVE in statuses)
    ]
    return {"zone_set": found, "total_count": len(found)}


def _quota_left(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Answer what is left of each quota that the account has; a type without a limit is not among them."""
    wanted = call.texts("resource_types")
    found: list[Json] = [
        {"resource_type": kind, "left": max(cloud.allowance.left(kind) or 0, 0)}
        for kind in cloud.allowance.limits
        if not wanted or kind in wanted
    ]
    return {"quota_left_set": found}


def _resource_limit(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Answer the limits of the platform, and the sizes of the volume type that is asked for."""
    volume_type = call.number("volume_type", storage().offered(cloud.zone)[0])
    low, high = _span(cloud, volume_type)
    hard, step = quotas().hard, compute().constants["volume_step_gib"]
    limits: dict[str, Json] = {
        "max_nic_per_instance": hard["nics_per_instance"],
        "max_volume_per_inst": storage().constants["volumes_per_host"],
        "max_loadbalancer_listeners": hard["listeners_per_loadbalancer"],
        "max_listener_backends": hard["backends_per_listener"],
        "valid_instance_classes": list(storage().hosts_offered(cloud.zone)),
        "valid_volume_types": list(storage().offered(cloud.zone)),
        "volume_step": step,
        **_sizes(cloud, "hps", HIGH_PERFORMANCE),
        **_sizes(cloud, "hc", HIGH_CAPACITY_LEGACY),
        **_sizes(cloud, "hcs", SUPER_HIGH_PERFORMANCE),
        **{f"max_{kind}_count": limit for kind, limit in cloud.allowance.limits.items() if "_" not in kind},
    }
    return {"resource_limits": limits, "min-size": low, "max-size": high, "step": step, "vxnet_version": 1}


def _sizes(cloud: Cloud, word: str, volume_type: int) -> dict[str, Json]:
    low, high = _span(cloud, volume_type)
    step = compute().constants["volume_step_gib"]
    return {f"min_{word}_volume_size": low, f"max_{word}_volume_size": high, f"{word}_volume_step": step}


def _span(cloud: Cloud, volume_type: int) -> tuple[int, int]:
    listed = storage().zone_size(volume_type, cloud.zone)
    return (listed.minimum, listed.maximum) if listed else storage().size_span(volume_type)


ACTIONS: Actions = {
    "DescribeZones": _describe_zones,
    "GetQuotaLeft": _quota_left,
    "GetResourceLimit": _resource_limit,
}
