"""Quota arithmetic: what resources count as, what is left, and which step of a plan would run short first.

Rule: docs/rules/quotas.md; guide G-028 to G-032; QKE app repo, extra_quota of the master.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from qke_core.catalog import quotas, storage
from qke_core.inventory import resources_of
from qke_core.models.state import ClusterState
from qke_core.models.world import Quotas, World
from qke_core.resources import Resource, ResourceKind

Amounts: TypeAlias = Mapping[str, int]
"""An amount for each resource type of `qke_core.models.ResourceType`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of each resource type; types with nothing are left out. The order of types is that of first mention."""

    amounts: Amounts = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> Usage:
        """Make a usage of amounts; zeros are dropped."""
        return cls(MappingProxyType({key: n for key, n in amounts.items() if n}))

    def __add__(self, other: Usage) -> Usage:
        """Return both together."""
        return Usage.of({key: self.get(key) + other.get(key) for key in (*self.amounts, *other.amounts)})

    def get(self, key: str) -> int:
        """Return the amount of one type; 0 when there is none."""
        return self.amounts.get(key, 0)

    def beyond(self, other: Usage) -> Usage:
        """Return by how much this exceeds `other`, type by type; types that do not exceed are left out."""
        return Usage.of({key: max(0, n - other.get(key)) for key, n in self.amounts.items()})

    def __iter__(self) -> Iterator[str]:
        """Iterate over the types."""
        return iter(self.amounts)


_COUNTS: Mapping[ResourceKind, Callable[[Resource], Mapping[str, int]]] = {
    "cluster": lambda _: {"cluster": 1},
    "instance": lambda found: {
        "instance": 1,
        "cpu": found.cpu,
        "memory_mb": found.memory_mib,
        "gpu": found.gpu,
        "nic": 1,
    },
    "system_disk": lambda _: {},
    "volume": lambda found: {"volume": 1, "volume_size_gb": found.size_gib},
    "loadbalancer": lambda _: {"loadbalancer": 1},
    "security_group": lambda _: {"security_group": 1},
    "eip": lambda found: {"eip": 1, "eip_bandwidth_mbps": found.bandwidth_mbps},
    "router": lambda _: {"router": 1},
    "linked_service": lambda _: {},
}
"""What a resource counts as; the system disk belongs to its instance."""


def usage_of(resources: Iterable[Resource]) -> Usage:
    """Return what resources use of the quotas."""
    total: Counter[str] = Counter()
    for resource in resources:
        for key, amount in _COUNTS[resource.kind](resource).items():
            total[key] += amount * resource.count
    return Usage.of(total)


def kubesphere_reserve(state: ClusterState) -> Usage:
    """Return what quota must be left for KubeSphere's volumes when it is installed, beyond those it claims at once.

    Rule: guide G-028: 14 volumes and 230 GB.
    """
    if not state.kubesphere or not state.exists:
        return Usage()
    claimed = usage_of(found for found in resources_of(state) if found.origin == "kubesphere")
    book = storage().constants
    wanted = {"volume": book["kubesphere_volumes_reserved"], "volume_size_gb": book["kubesphere_gib_reserved"]}
    return Usage.of(wanted).beyond(claimed)


def world_usage(world: World) -> Usage:
    """Return what everything in a world uses, what `quotas.used` says included."""
    total = Usage.of({str(key): n for key, n in world.quotas.used.items()}) if world.quotas is not None else Usage()
    for cluster in world.clusters:
        total += usage_of(resources_of(ClusterState.of_world(cluster, world)))
        total += Usage.of({"volume": sum(found.count for found in cluster.volumes)})
        total += Usage.of({"volume_size_gb": sum(found.count * (found.size // 1024) for found in cluster.volumes)})
    total += Usage.of({"volume": sum(found.count for found in world.volumes)})
    total += Usage.of({"volume_size_gb": sum(found.count * (found.size // 1024) for found in world.volumes)})
    eips, vpcs = world.eips or (), world.vpcs or ()
    total += Usage.of({"eip": len(eips), "eip_bandwidth_mbps": sum(found.bandwidth for found in eips)})
    return total + Usage.of({"router": len(vpcs), "vxnet": sum(len(found.vxnets) for found in vpcs)})


def limits(given: Quotas) -> Amounts:
    """Return the limits by resource type: the profile's, and over them those written. An absent type has no limit."""
    profile: Amounts = quotas().profiles[given.profile] if given.profile is not None else {}
    return {**profile, **{str(key): limit for key, limit in given.limits.items()}}


def left(world: World) -> Amounts | None:
    """Return what is left of each quota; negative where more is used than allowed; None when quotas are unknown."""
    if world.quotas is None:
        return None
    used = world_usage(world)
    return {key: limit - used.get(key) for key, limit in limits(world.quotas).items()}


@dataclass(frozen=True, slots=True)
class Shortage:
    """The first step that would run short: of which resource type, how much it needs at its peak, what is left."""

    step: str
    type: str
    needs: int
    left: int


def first_short(peaks: Iterable[tuple[str, Usage]], remaining: Amounts) -> Shortage | None:
    """Return the first step whose peak exceeds what is left.

    Args:
        peaks: for each step in order its id and what it uses at its peak beyond what stands before the plan.
        remaining: what is left of each quota before the plan; an absent type has no limit.
    """
    for name, peak in peaks:
        for key in peak:
            if key in remaining and peak.get(key) > remaining[key]:
                return Shortage(name, key, peak.get(key), remaining[key])
    return None
