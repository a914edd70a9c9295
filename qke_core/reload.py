"""What a node does about a line of changed parameters, step by step: the twin plays it, a plan adds it up.

Which lines act, on which nodes, and what restarts, is the catalogue's book of parameter changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import ParameterChange, ScriptStep
from qke_core.catalog.parameter_changes import RENDER

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")

APPLIES: Mapping[str, str] = {
    "reloadKsConf": "install-modules",
    "reloadKsEip": "expose-console",
    "ks-console-svc": "expose-console",
}
"""Lines that change something in Kubernetes that the twin knows; the others of their kind take their time."""

DURATIONS: Mapping[str, str] = {
    "hang-up": "sighup",
    "control-plane": "apiserver-start",
    "kubelet": "kubelet-restart",
    "docker": "docker-restart",
    "controllers": "sighup",
    "kube-proxy": "kubectl",
    "hostnic-node": "kubectl",
}
"""How long each component takes to come back; what is not named takes no time that is known."""

HANG_UPS = ("reloadMasterProcs", "reloadKubeMasterProcs")
"""Lines that send SIGHUP to the control plane's processes instead of starting them anew."""


def reload_steps(change: ParameterChange) -> list[ScriptStep]:
    """Return the steps of one line: a random sleep where it is staggered, then each component that restarts.

    Where files are only written anew there are none.
    """
    if change.trigger == RENDER:
        return []
    steps = [ScriptStep("stagger", "log-level-stagger", None, (), "", "")] if change.staggered else []
    names = [name for name in change.restarts if name not in CONTROL_PLANE]
    if "kube-apiserver" in change.restarts:
        names.insert(0, "hang-up" if change.trigger.startswith(HANG_UPS) else "control-plane")
    elif len(names) < len(change.restarts):
        names.insert(0, "controllers")
    if not names:
        steps.append(ScriptStep(APPLIES.get(change.trigger, "apply-change"), "kubectl", None, (), "", change.trigger))
    return steps + [ScriptStep(f"reload-{name}", DURATIONS.get(name), None, (), "", change.trigger) for name in names]
