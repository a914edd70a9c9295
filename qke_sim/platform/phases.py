"""A cluster's status as the lifecycle table has it, and how refusals speak of operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from qke_core.models.state import Phase
from qke_sim.cloud import Cluster


def phase_of(cluster: Cluster) -> Phase:
    """Return a cluster's status as a phase; one that is being created counts as absent."""
    return cast("Phase", cluster.status) if cluster.status in get_args(Phase) else "absent"


SAID: Mapping[str, str] = {
    "add-nodes": "add nodes to it",
    "delete-nodes": "delete nodes of it",
    "resize": "be resized",
    "change-parameters": "change its parameters",
    "start": "be started",
    "stop": "be stopped",
    "restart": "run services",
    "upgrade": "be upgraded",
    "delete": "be deleted",
    "recover": "be recovered",
    "cease": "be ceased",
}
"""What a refusal says that a cluster cannot do or suffer, by operation."""
