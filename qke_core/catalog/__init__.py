"""Every number and rule the twin uses, each with its source and how sure we are of it.

The facts live in the TOML files of this folder; `catalog()` reads and checks them once and hands out frozen objects.
Nothing here computes or decides: a planner or a simulated node asks for a fact by name and version. Importing this
package reads no file, so a command that needs no fact does not pay for it.
"""

from qke_core.catalog.compute import ComputeBook, Image, InstanceType, compute
from qke_core.catalog.facts import (
    Basis,
    Budget,
    Code,
    Command,
    Duration,
    Entry,
    Exhaustion,
    Night,
    PreCheck,
    PreCheckName,
    RetCode,
    Role,
    RoleKind,
    RoleShape,
    ScriptStep,
    UpgradeEdge,
    UpgradeService,
    Version,
)
from qke_core.catalog.kubesphere import KubeSphereBook, Part, kubesphere
from qke_core.catalog.ledger import ledger
from qke_core.catalog.load import build_catalog, catalog
from qke_core.catalog.model import Catalog
from qke_core.catalog.network import NetworkBook, networks
from qke_core.catalog.operation_facts import HealthCheck, HealthLook, ScaleIn, Service, ServiceName
from qke_core.catalog.operations import OperationBook, operations
from qke_core.catalog.parameter_changes import ChangeBook, ParameterChange, ReloadLine, by_trigger, parameter_changes
from qke_core.catalog.parameters import Hidden, Parameter, ParameterBook, Value, parameters
from qke_core.catalog.quotas import QuotaBook, quotas
from qke_core.catalog.storage import StorageBook, storage
from qke_core.catalog.storage_facts import Claim, HostType, SizeRule, StorageClass, VolumeType, Zone

__all__ = [
    "Basis",
    "Budget",
    "Catalog",
    "ChangeBook",
    "Claim",
    "Code",
    "Command",
    "ComputeBook",
    "Duration",
    "Entry",
    "Exhaustion",
    "HealthCheck",
    "HealthLook",
    "Hidden",
    "HostType",
    "Image",
    "InstanceType",
    "KubeSphereBook",
    "NetworkBook",
    "Night",
    "OperationBook",
    "Parameter",
    "ParameterBook",
    "ParameterChange",
    "Part",
    "PreCheck",
    "PreCheckName",
    "QuotaBook",
    "ReloadLine",
    "RetCode",
    "Role",
    "RoleKind",
    "RoleShape",
    "ScaleIn",
    "ScriptStep",
    "Service",
    "ServiceName",
    "SizeRule",
    "StorageBook",
    "StorageClass",
    "UpgradeEdge",
    "UpgradeService",
    "Value",
    "Version",
    "VolumeType",
    "Zone",
    "build_catalog",
    "by_trigger",
    "catalog",
    "compute",
    "kubesphere",
    "ledger",
    "networks",
    "operations",
    "parameter_changes",
    "parameters",
    "quotas",
    "storage",
]
