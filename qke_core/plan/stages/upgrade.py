"""Stages of an upgrade, one hop: those of the version's own script (docs/rules/upgrade.md)."""

from __future__ import annotations

from qke_core.catalog import catalog
from qke_core.models.state import ClusterState
from qke_core.plan.change import Upgrade
from qke_core.plan.schedule import Schedule
from qke_core.plan.upgrade import Fleet, schedule_hop


def upgrade(change: Upgrade, before: ClusterState) -> Schedule:
    """Upgrade a cluster whose node names are not known: masters are called by their numbers."""
    return schedule_hop(Fleet.of_state(before), before.version, change.target, catalog())
