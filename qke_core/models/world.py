"""What exists before a run: `kind: World`.

A twin starts from a World and reality can be written as one. Today a World holds one zone and its clusters; a later
version adds networks, quotas and prices.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qke_core.models.base import API_VERSION, Model, RoleName, SizeMib, VersionName
from qke_core.models.cluster import ClusterWish


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


class WorldCluster(ClusterWish):
    """A cluster that exists, with whatever is particular about it."""

    born_as: Annotated[
        VersionName | None,
        Field(default=None, description="Version it was created as; a cluster born as 1.x keeps some ways for ever."),
    ]
    nodes: Annotated[tuple[NodeState, ...], Field(default=(), description="Nodes that differ from the usual.")]


class World(Model):
    """Everything that exists, as far as the twin knows it."""

    zone: Annotated[str, Field(description="Zone of the cloud, such as pek3.", pattern=r"^[a-z0-9]+$")]
    clusters: Annotated[tuple[WorldCluster, ...], Field(min_length=1)]


class WorldDocument(World):
    """`kind: World` as a file of its own."""

    api_version: Annotated[Literal["qke/v1"], Field(alias="apiVersion", default=API_VERSION)]
    kind: Literal["World"]
