"""The wish for a cluster: `kind: Cluster`.

A cluster is wished for either by an express group of its version, or role by role. What a role leaves out is the
product's default of that version (catalogue, `express.toml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from qke_core.catalog import RoleShape, catalog
from qke_core.models.autoscaling import AutoscalingPolicy
from qke_core.models.base import API_VERSION, Model, Name, RoleName, SizeMib, VersionName, refuse
from qke_core.models.money import ON_DEMAND, Billing
from qke_core.models.network import ResourceId
from qke_core.models.settings import Env, Settings
from qke_core.suggest import did_you_mean, nearest


class RoleWish(Model):
    """How many nodes of a role, and how large. Omitted figures are the version's defaults.

    Whether the figures are offered is said by `qke_core.rules`, all at once.
    """

    count: Annotated[int, Field(ge=0, description="Number of nodes of this role.")]
    cpu: Annotated[int | None, Field(default=None, ge=1, description="vCPU per node.")]
    memory: Annotated[SizeMib | None, Field(default=None, description="Memory per node, such as 16GiB.")]
    volume: Annotated[
        SizeMib | None, Field(default=None, description="Size of the /data disk per node, 40GiB to 2000GiB.")
    ]
    instance_class: Annotated[
        int | None, Field(default=None, ge=0, description="Host type code, such as 101 (basic) or 202 (enterprise).")
    ]
    cpu_model: Annotated[str | None, Field(default=None, description="CPU micro-architecture, such as Skylake.")]


class Links(Model):
    """Other services the cluster uses instead of its built-in ones (guide G-042 to G-047)."""

    etcd: Annotated[str | None, Field(default=None, description="Id of a linked etcd cluster; empty means built in.")]
    elk: Annotated[str | None, Field(default=None, description="Id of a linked ELK cluster; empty means in-cluster.")]


class ClusterWish(Model):
    """Name, version and shape of a cluster."""

    name: Annotated[Name, Field(description="The cluster's name; expressions use it with _ for -.")]
    version: Annotated[VersionName, Field(description="QKE version.")]
    express: Annotated[
        str | None, Field(default=None, description="Express group of the version, such as Prod; or give roles.")
    ]
    roles: Annotated[
        Mapping[RoleName, RoleWish] | None, Field(default=None, description="Nodes role by role; or give express.")
    ]
    env: Annotated[Env, Field(default_factory=dict[str, object])]
    links: Annotated[Links, Field(default_factory=lambda: Links(etcd=None, elk=None))]
    vxnet: Annotated[
        ResourceId | None, Field(default=None, description="Private network that all nodes join (guide G-041).")
    ]
    billing: Annotated[Billing, Field(default=ON_DEMAND, description="Billing mode (guide G-033).")]
    autoscaling: Annotated[
        tuple[AutoscalingPolicy, ...],
        Field(default=(), description="When nodes of a role come and go by themselves (guide G-121 to G-123)."),
    ]

    @field_validator("express")
    @classmethod
    def _group_is_known(cls, value: str | None, info: ValidationInfo) -> str | None:
        """A group that this version has (guide G-034). Without a sound version there is nothing to compare with."""
        version = info.data.get("version")
        if value is None or version is None:
            return value
        groups = catalog().express_groups(version)
        if value not in groups:
            sentence = f"{value!r} is not an express group of QKE {version}"
            raise refuse("cluster.express-unknown", sentence, did_you_mean(value, groups), nearest(value, groups))
        return value

    @model_validator(mode="after")
    def _shape_is_clear(self) -> ClusterWish:
        """Not both express and roles."""
        if self.express is not None and self.roles is not None:
            raise refuse(
                "cluster.shape-twice",
                f"Cluster {self.name!r} has both express and roles",
                "keep one: express for a ready group, roles for your own sizes",
            )
        return self

    @model_validator(mode="after")
    def _roles_are_known(self) -> ClusterWish:
        """Only roles that this version has: node_gpu came with 2.0.0 (guide G-196)."""
        known = [role for role in catalog().roles if (self.version, role) in catalog().shapes]
        for role in self.roles or ():
            if role not in known:
                raise refuse("role.unknown", f"QKE {self.version} has no role {role!r}", did_you_mean(role, known))
        return self

    @property
    def settings(self) -> Settings:
        """Every cluster parameter of the version with its value, defaults included."""
        return Settings.resolve(self.version, self.env)

    def shape(self) -> Mapping[str, RoleShape]:
        """Return the resolved nodes: role to count and sizes, roles without nodes left out."""
        facts = catalog()
        if self.roles is None:
            group = self.express if self.express is not None else facts.default_group(self.version)
            found = dict(facts.express(self.version, group))
        else:
            found = {role: _resolve(facts.default_shape(self.version, role), wish) for role, wish in self.roles.items()}
            found.setdefault("master", facts.default_shape(self.version, "master"))
            found.setdefault("client", facts.default_shape(self.version, "client"))
        order = list(facts.roles)
        return {role: found[role] for role in sorted(found, key=order.index) if found[role].count or role == "master"}


class ClusterDocument(ClusterWish):
    """`kind: Cluster`: one cluster, as a file of its own."""

    api_version: Annotated[Literal["qke/v1"], Field(alias="apiVersion", default=API_VERSION)]
    kind: Literal["Cluster"]
    zone: Annotated[str, Field(description="Zone of the cloud, such as pek3.", pattern=r"^[a-z0-9]+$")]
    status: Annotated[
        Literal["active", "stopped", "deleted", "ceased"],
        Field(default="active", description="Running, stopped, in the recycle bin, or gone for ever."),
    ]


def _resolve(default: RoleShape, wish: RoleWish) -> RoleShape:
    return RoleShape(
        count=wish.count,
        instance_class=default.instance_class if wish.instance_class is None else wish.instance_class,
        cpu=default.cpu if wish.cpu is None else wish.cpu,
        memory_mib=default.memory_mib if wish.memory is None else wish.memory,
        volume_gib=default.volume_gib if wish.volume is None else wish.volume // 1024,
    )
