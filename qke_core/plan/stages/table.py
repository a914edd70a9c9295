"""Which module knows the stages of which operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qke_core.models.state import ClusterState
from qke_core.plan.change import (
    AddNodes,
    Cease,
    Change,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    Create,
    Delete,
    DeleteNodes,
    Recover,
    Resize,
    RestartRole,
    Start,
    Stop,
    Upgrade,
)
from qke_core.plan.schedule import Schedule
from qke_core.plan.stages import create, parameters, power, remove, resize, scale, upgrade


def schedule_of(change: Change, before: ClusterState) -> Schedule:
    """Return the stages of an operation on a cluster that is as `before` says.

    Rule: docs/rules/operations.md.
    """
    return _SCHEDULES[type(change)](change, before)


_SCHEDULES: Mapping[type[Change], Callable[[Any, ClusterState], Schedule]] = {
    Create: create.create,
    AddNodes: scale.add_nodes,
    DeleteNodes: scale.delete_nodes,
    Resize: resize.resize,
    ChangeParameters: parameters.change_parameters,
    ChangeModules: parameters.change_modules,
    ChangeEip: parameters.change_eip,
    Start: power.start,
    Stop: power.stop,
    RestartRole: power.restart,
    Upgrade: upgrade.upgrade,
    Delete: remove.delete,
    Recover: remove.recover,
    Cease: remove.cease,
}
