"""What the storage book holds: types of volumes and hosts, sizes, storage classes, zones, what KubeSphere claims.

Sizes are whole GiB. Codes of types are the cloud API's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Basis

Replaceable: TypeAlias = Literal["instance_class", "volume_class"]
"""What a zone may put another code in place of."""

NEONSAN, HIGH_CAPACITY = 5, 6
MINIMAL = "minimal"
"""The part of KubeSphere that is always installed, among the modules."""


@dataclass(frozen=True, slots=True)
class VolumeType:
    """A type of volume by its code at the cloud API; `csi_name` is what the CSI driver calls it."""

    code: int
    name: str
    csi_name: str
    basis: Basis
    source: str

    @property
    def storage_class(self) -> str:
        """Name of its Kubernetes storage class from 2.0.0 on, such as `csi-standard`."""
        return f"csi-{self.name}"


@dataclass(frozen=True, slots=True)
class HostType:
    """A type of instance by its code; `takes` are the volume types that attach to it, `preferred` its own."""

    code: int
    name: str
    takes: tuple[int, ...]
    preferred: int
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class SizeRule:
    """Sizes of a volume in GiB: from `minimum` to `maximum` in steps."""

    minimum: int
    maximum: int
    step: int

    def fit(self, gib: int) -> int | None:
        """Return the smallest size that holds `gib`; None when there is none."""
        size = max(self.minimum, -(-gib // self.step) * self.step)
        return size if size <= self.maximum else None

    def __str__(self) -> str:
        """Write it as `10 to 2000 GiB in steps of 10`."""
        return f"{self.minimum} to {self.maximum} GiB in steps of {self.step}"


@dataclass(frozen=True, slots=True)
class StorageClass:
    """A Kubernetes storage class of a cluster; `type` is a volume type code."""

    name: str
    type: int
    size: SizeRule
    default: bool
    expansion: bool


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone of the cloud; `volume_types` are those it offers, by code."""

    name: str
    region: str
    volume_types: tuple[int, ...]
    basis: Basis
    source: str

    @property
    def neonsan(self) -> bool:
        """Whether there is NeonSAN (guide G-155)."""
        return NEONSAN in self.volume_types


@dataclass(frozen=True, slots=True)
class Claim:
    """A volume that a part of KubeSphere claims from the default storage class; `module` is `minimal` or a module."""

    name: str
    module: str
    gib: int
    basis: Basis
    source: str
