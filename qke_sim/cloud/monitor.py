"""Monitoring: series of figures, worked out when somebody asks.

Nothing is sampled. A series is read from the figures' functions and histories at the steps that were asked for (the
sample at each step stands for it, assumed). Meters of resources whose use the twin does not know (traffic, disks,
network interfaces) show an idle resource from its making on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, cast

from qke_core.catalog import catalog, operations
from qke_core.effects import Json
from qke_core.models.load import Meter
from qke_core.units import MS_PER_DAY, MS_PER_S
from qke_sim.cloud.call import Call, CloudRefusal, invalid, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.cluster import ClusterNode
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.lookup import Actions
from qke_sim.cloud.series import compress
from qke_sim.cloud.store import Thing

STEPS_S: Mapping[str, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "1d": 86_400,
}
PAIRS_MAX = 100
POINTS_MAX = 10_000
"""Longer series are refused, so that a slip of a year costs nobody a minute (our own)."""

HTTP_FIGURES = 14
"""How many figures each http sample of a load balancer carries."""

Reader: TypeAlias = Callable[[int], Json]
"""Returns the sample at an instant of virtual time; None where there is none."""

_PAIRS = re.compile(r"traffic|flow|if-.+|vxnet-.+|disk-us-.+|disk-iops-.+|disk-(?!us|iops).+")
"""Meters with two figures per sample: in and out, read and write."""


def _window(cloud: Cloud, call: Call, steps: Sequence[str]) -> list[int]:
    """Return the instants of the samples that are asked for, virtual milliseconds, none before the run or after now."""
    step = call.required("step")
    if step not in steps:
        raise invalid("step", step)
    start, end = (_instant(cloud, call, name) for name in ("start_time", "end_time"))
    if end < start:
        raise invalid("end_time", call.text("end_time"))
    reach = operations().constants["monitor_keeps_days"] * MS_PER_DAY
    if STEPS_S[step] <= STEPS_S["5m"] and cloud.kernel.now - start > reach:
        raise invalid("start_time", call.text("start_time"))
    if (end - start) // (STEPS_S[step] * MS_PER_S) > POINTS_MAX:
        raise invalid("start_time", call.text("start_time"))
    last = min(end, cloud.kernel.now)
    return list(range(start, last + 1, STEPS_S[step] * MS_PER_S))


def _instant(cloud: Cloud, call: Call, name: str) -> int:
    text = call.required(name)
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        raise invalid(name, text) from None
    return int(moment.timestamp()) * MS_PER_S - cloud.kernel.epoch_ms


def _series(cloud: Cloud, read: Reader, instants: Sequence[int], step_s: int) -> list[Json]:
    samples = [((cloud.kernel.epoch_ms + ms) // MS_PER_S, read(ms) if ms >= 0 else None) for ms in instants]
    return compress(samples, step_s)


def _reader(cloud: Cloud, thing: Thing, meter: str) -> Reader:
    """Return how to read one meter of one resource."""
    node = _node_of(cloud, thing)
    if meter in ("cpu", "memory") and (node is not None or thing.kind == "instance"):
        return _node_reader(cloud, node, cast("Meter", meter), thing)
    two = _PAIRS.fullmatch(meter) is not None
    return lambda ms: None if ms < thing.create_ms else ([0, 0] if two else 0)


def _node_reader(cloud: Cloud, node: ClusterNode | None, meter: Meter, thing: Thing) -> Reader:
    if node is None:
        return lambda ms: None if ms < thing.create_ms else 0
    return lambda ms: cloud.figures.figure(node.cluster, node.role, node.id, meter, ms)


def _node_of(cloud: Cloud, thing: Thing) -> ClusterNode | None:
    if isinstance(thing, ClusterNode):
        return thing
    return next((node for node in cloud.store.all(ClusterNode) if node.instance_id == thing.id), None)


def _thing(cloud: Cloud, resource_id: str) -> Thing:
    found = next((thing for thing in cloud.store.everything() if thing.id == resource_id), None)
    if found is None:
        raise not_found("resource", resource_id)
    return found


def _step_s(call: Call) -> int:
    return STEPS_S[call.required("step")]


def _get_monitor(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Meters of one resource."""
    thing, instants = _thing(cloud, call.required("resource")), _window(cloud, call, tuple(STEPS_S)[1:])
    meters = _meters(cloud, thing, call.required_texts("meters"), instants, _step_s(call))
    return {"resource_id": thing.id, "meter_set": cast("Json", meters)}


def _meters(
    cloud: Cloud, thing: Thing, meters: Sequence[str], instants: Sequence[int], step_s: int
) -> list[dict[str, Json]]:
    return [
        {"meter_id": meter, "data": _series(cloud, _reader(cloud, thing, meter), instants, step_s)} for meter in meters
    ]


def _get_monitors(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Meters of many resources in one call."""
    pairs, instants = call.objects("resource_meters_pairs"), _window(cloud, call, tuple(STEPS_S)[1:])
    if not pairs:
        raise CloudRefusal(1100, "MissingParameter, parameter [resource_meters_pairs] is required")
    if len(pairs) > PAIRS_MAX:
        raise invalid("resource_meters_pairs", len(pairs))
    found: list[Json] = []
    for pair in pairs:
        asked = Call(call.by, pair, call.seq)
        thing = _thing(cloud, asked.required("resource"))
        meters = _meters(cloud, thing, asked.required_texts("meters"), instants, _step_s(call))
        found.append({"resource_id": thing.id, "meter_set": cast("Json", meters)})
    return {"meter_set": found}


def _get_balancer_monitor(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Traffic of a load balancer by EIP, or requests; a backend or listener has one series without a name."""
    thing, instants = _thing(cloud, call.required("resource")), _window(cloud, call, tuple(STEPS_S)[1:])
    eips = [eip.id for eip in cloud.store.all(Eip) if eip.resource_id == thing.id]
    found: list[Json] = []
    for meter in call.required_texts("meters"):
        if meter not in ("traffic", "request"):
            raise invalid("meters", meter)
        quiet: Json = [0, 0] if meter == "traffic" else [0] * HTTP_FIGURES

        def read(ms: int, quiet: Json = quiet) -> Json:
            return None if ms < thing.create_ms else quiet

        data: Json = _series(cloud, read, instants, _step_s(call))
        named = eips if meter == "traffic" else []
        sets: list[Json] = [{"eip_id": eip, "data": data} for eip in named] or [{"data": data}]
        found.append({"meter_id": meter, "data_set": sets})
    return {"resource_id": thing.id, "meter_set": found}


def _get_cluster_monitor(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Meters of one node of a cluster; `stats` is what the app measures by itself."""
    node = cloud.store.get(ClusterNode, call.required("resource"))
    instants, step_s = _window(cloud, call, tuple(STEPS_S)), _step_s(call)
    found: list[Json] = []
    for meter in call.required_texts("meters"):
        if meter == "stats":
            found += [
                {"meter_id": item, "data_set": cast("Json", [{"data": data}]), "meter_info": "stats"}
                for item, data in _stats(cloud, node, instants, step_s).items()
            ]
            continue
        data = _series(cloud, _reader(cloud, node, meter), instants, step_s)
        found.append({"meter_id": meter, "data_set": [{"data": data}], "meter_info": meter})
    return {"resource_id": node.id, "meter_set": found}


def _stats(cloud: Cloud, node: ClusterNode, instants: Sequence[int], step_s: int) -> dict[str, list[Json]]:
    """Return the app's own items as the cluster's version names them; a pod counts as one container (assumed)."""

    def read(ms: int) -> Json:
        return cloud.figures.figure(node.cluster, node.role, node.id, "kubelet_running_containers", ms)

    if node.role_kind == "client":
        return {}
    data, order = _series(cloud, read, instants, step_s), catalog().order
    version = next(found.version for found in cloud.clusters.values() if found.name == node.cluster)
    known = [names for since, names in ITEMS.items() if order.index(since) <= order.index(version)]
    return dict.fromkeys(known[-1], data)


ITEMS: Mapping[str, tuple[str, str]] = {
    "1.0.0": ("kubelet_running_pod_count", "kubelet_running_container_count"),
    "3.1.0": ("kubelet_running_pods", "kubelet_running_containers"),
}
"""What QKE measures on masters and workers, by the version since which it is called so (QKE app repo, monitor)."""

ACTIONS: Actions = {
    "GetMonitor": _get_monitor,
    "GetMonitors": _get_monitors,
    "GetLoadBalancerMonitor": _get_balancer_monitor,
    "GetClusterMonitor": _get_cluster_monitor,
}
"""The actions of monitoring."""
