"""Quota arithmetic: what resources count as, what is left, and which step of a plan would run short first.

Rule: docs/rules/quotas.md; guide G-028 to G-032; QKE app repo, extra_quota of the master.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from qke_core.catalog import quotas
from qke_core.inventory import resources_of
from qke_core.models.state import ClusterState
from qke_core.models.world import Quotas, VolumeState, World
from qke_core.resources import Origin, Resource, ResourceKind

MIB_PER_GIB = 1024

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
        "nic": found.nics,
    },
    "system_disk": lambda _: {},
    "volume": lambda found: {"volume": 1, "volume_size_gb": found.size_gib},
    "loadbalancer": lambda _: {"loadbalancer": 1},
    "security_group": lambda _: {"security_group": 1},
    "eip": lambda found: {"eip": 1, "eip_bandwidth_mbps": found.bandwidth_mbps},
    "router": lambda _: {"router": 1},
    "snapshot": lambda _: {"snapshot": 1},
    "vxnet": lambda _: {"vxnet": 1},
    "keypair": lambda _: {"keypair": 1},
    "nic": lambda _: {"nic": 1},
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


def usage_by_origin(resources: Iterable[Resource]) -> Mapping[Origin, Usage]:
    """Return what resources use, apart by why they are there, in the order of first mention."""
    apart: dict[Origin, list[Resource]] = {}
    for resource in resources:
        apart.setdefault(resource.origin, []).append(resource)
    return {origin: usage_of(found) for origin, found in apart.items()}


def kubesphere_reserve(state: ClusterState) -> Usage:
    """Return what quota must be left for KubeSphere's volumes when it is installed, beyond those it claims at once.

    Rule: guide G-028: 14 volumes and 230 GB.
    """
    if not state.kubesphere or not state.exists:
        return Usage()
    claimed = usage_of(found for found in resources_of(state) if found.origin == "kubesphere")
    return Usage.of(quotas().needs["kubesphere"]).beyond(claimed)


def world_usage(world: World) -> Usage:
    """Return what everything in a world uses, what `quotas.used` says included.

    Of linked services the World knows neither nodes nor disks: what they use belongs under `quotas.used`.
    """
    total: Counter[str] = Counter()
    if world.quotas is not None:
        total.update({str(key): number for key, number in world.quotas.used.items()})
    for cluster in world.clusters:
        total.update(usage_of(resources_of(ClusterState.of_world(cluster, world))).amounts)
        total.update(_volumes(cluster.volumes))
    eips, vpcs = world.eips or (), world.vpcs or ()
    total.update(_volumes(world.volumes))
    total.update({"eip": len(eips), "eip_bandwidth_mbps": sum(found.bandwidth for found in eips)})
    total.update({"router": len(vpcs), "vxnet": sum(len(found.vxnets) for found in vpcs)})
    return Usage.of(total)


def _volumes(volumes: Iterable[VolumeState]) -> Amounts:
    """Return what volumes of a World use; a part of a GiB counts as one."""
    sizes = {"volume": 0, "volume_size_gb": 0}
    for found in volumes:
        sizes["volume"] += found.count
        sizes["volume_size_gb"] += found.count * -(-found.size // MIB_PER_GIB)
    return sizes


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
