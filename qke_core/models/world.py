"""What exists before a run: `kind: World`.

A twin starts from a World, a plan is made against one, and reality can be written as one. A part that is left out is
unknown, not empty: without `vpcs` no rule of networks can speak, without `quotas` none of quotas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from qke_core.models.base import API_VERSION, DurationMs, Model, RoleName, SizeMib, VersionName
from qke_core.models.cluster import ClusterWish
from qke_core.models.network import Address, Cidr, Eip, PortRange, ResourceId, Vpc

ResourceType = Literal[
    "instance",
    "cpu",
    "memory_mb",
    "gpu",
    "volume",
    "volume_size_gb",
    "loadbalancer",
    "security_group",
    "eip",
    "eip_bandwidth_mbps",
    "nic",
    "cluster",
    "router",
    "vxnet",
    "keypair",
    "snapshot",
    "image",
]
"""What a quota counts; the last part of a name is its unit."""


class NodeState(Model):
    """What is particular about one node; everything left out is as usual."""

    role: RoleName
    index: Annotated[int, Field(ge=1, description="Which node of the role, counted from 1.")]
    status: Annotated[Literal["active", "stopped"], Field(default="active", description="Whether the instance runs.")]
    ready: Annotated[
        bool, Field(default=True, description="False: its kubelet is stopped, so Kubernetes says NotReady.")
    ]
    data_free: Annotated[SizeMib | None, Field(default=None, description="Free space on /data, such as 40GiB.")]
    ssh_port: Annotated[int, Field(default=22, ge=1, le=65535, description="Port sshd listens on.")]
    vxnet: Annotated[ResourceId | None, Field(default=None, description="Private network, where not the cluster's.")]
    address: Annotated[Address | None, Field(default=None, description="Private address, where it is known.")]


class VolumeState(Model):
    """A volume that a workload claimed, or that stands free."""

    id: Annotated[ResourceId | None, Field(default=None, description="Such as vol-a1b2c3d4.")]
    type: Annotated[int, Field(ge=0, description="Volume type code, such as 100 (basic) or 200 (enterprise SSD).")]
    size: Annotated[SizeMib, Field(description="Size, such as 20GiB.")]
    count: Annotated[int, Field(default=1, ge=1, description="How many of this kind.")]


class WorldCluster(ClusterWish):
    """A cluster that exists, with whatever is particular about it."""

    id: Annotated[ResourceId | None, Field(default=None, description="Such as cl-a1b2c3d4.")]
    status: Annotated[
        Literal["active", "stopped", "suspended", "deleted"],
        Field(default="active", description="deleted: in the recycle bin."),
    ]
    deleted_for: Annotated[
        DurationMs | None, Field(default=None, description="How long it has been in the recycle bin, such as 30m.")
    ]
    born_as: Annotated[
        VersionName | None,
        Field(default=None, description="Version it was created as; a cluster born as 1.x keeps some ways for ever."),
    ]
    nodes: Annotated[tuple[NodeState, ...], Field(default=(), description="Nodes that differ from the usual.")]
    modules_installed: Annotated[
        tuple[str, ...], Field(default=(), description="Modules installed earlier and no longer chosen.")
    ]
    awaits_restart: Annotated[
        tuple[RoleName, ...],
        Field(default=(), description="Roles whose nodes still run with the docker bridge from before its change."),
    ]
    services: Annotated[int, Field(default=0, ge=0, description="Kubernetes Services, beyond the cluster's own.")]
    volumes: Annotated[
        tuple[VolumeState, ...],
        Field(
            default=(),
            description=(
                "Volumes its workloads claimed, where known. A bound claim of a scenario's manifests takes one of its"
                " type and size from this list; what no claim takes counts too, and a claim that finds none here has"
                " a volume beside the list."
            ),
        ),
    ]


class LinkedService(Model):
    """An etcd or ELK cluster of its own that QKE clusters may use (guide G-042 to G-047)."""

    id: Annotated[ResourceId, Field(description="Such as cl-e1f2g3h4.")]
    app: Annotated[Literal["etcd", "elk"], Field(description="Which app it is.")]
    vxnet: Annotated[ResourceId, Field(description="Private network it stands in.")]
    network: Annotated[Cidr | None, Field(default=None, description="Range its addresses are in, where it matters.")]
    status: Annotated[
        Literal["active", "stopped"],
        Field(default="active", description="Whether it serves. Without its etcd a cluster has no API server."),
    ]


class Registry(Model):
    """An image registry, and from where it can be reached (guide G-180)."""

    host: Annotated[str, Field(min_length=1, description="Host name or address, with a port where it has one.")]
    reachable_from: Annotated[
        Literal["internet"] | ResourceId,
        Field(description="internet, or the id of the VPC or vxnet whose hosts reach it."),
    ]
    port: Annotated[PortRange, Field(default="443", description="Port it listens on.")]


class Quotas(Model):
    """What the account may use in this zone. `used` is what things not listed in this file take."""

    profile: Annotated[
        Literal["basic", "enterprise"] | None,
        Field(default=None, description="A ready set of limits (the twin's own; real ones are not public)."),
    ]
    limits: Annotated[
        Mapping[ResourceType, Annotated[int, Field(ge=0)]],
        Field(default_factory=dict[str, int], description="Limits by resource type; they win over the profile."),
    ]
    used: Annotated[
        Mapping[ResourceType, Annotated[int, Field(ge=0)]],
        Field(default_factory=dict[str, int], description="What things not listed here use."),
    ]


class World(Model):
    """Everything that exists, as far as it is known."""

    zone: Annotated[str, Field(description="Zone of the cloud, such as pek3.", pattern=r"^[a-z0-9]+$")]
    quotas: Annotated[Quotas | None, Field(default=None, description="Quotas of the account in this zone.")]
    access_keys: Annotated[
        tuple[str, ...] | None, Field(default=None, description="Ids of the account's API access keys (guide G-027).")
    ]
    vpcs: Annotated[tuple[Vpc, ...] | None, Field(default=None, description="VPCs and their private networks.")]
    eips: Annotated[tuple[Eip, ...] | None, Field(default=None, description="Public addresses of the account.")]
    linked: Annotated[
        tuple[LinkedService, ...] | None, Field(default=None, description="etcd and ELK clusters of the account.")
    ]
    registries: Annotated[
        tuple[Registry, ...] | None, Field(default=None, description="Image registries that workloads use.")
    ]
    volumes: Annotated[tuple[VolumeState, ...], Field(default=(), description="Volumes that stand free.")]
    clusters: Annotated[tuple[WorldCluster, ...], Field(default=(), description="QKE clusters.")]

    def cluster(self, name: str) -> WorldCluster | None:
        """Return the cluster called `name`."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)


class WorldDocument(World):
    """`kind: World` as a file of its own."""

    api_version: Annotated[Literal["qke/v1"], Field(alias="apiVersion", default=API_VERSION)]
    kind: Literal["World"]
