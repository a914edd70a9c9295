"""Stages of parameter changes (docs/rules/operations.md#change-parameters)."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import ParameterChange, Value, parameter_changes
from qke_core.catalog.parameter_changes import RENDER, by_trigger
from qke_core.models.state import ClusterState
from qke_core.plan.change import ChangeEip, ChangeModules, ChangeParameters
from qke_core.plan.schedule import NO_TIME, Disruption, Schedule
from qke_core.plan.stages.create import modules
from qke_core.plan.stages.draft import Drafting, counted, roles
from qke_core.plan.times import api_back, span, takes
from qke_core.reload import reload_steps

CONSOLE_EIP = "kubesphere_eip"
EVERYWHERE = ("kube-proxy", "hostnic-node", "kubelet", "docker")
"""Components of every Kubernetes node; the rest run on masters alone. The first two are DaemonSets: whoever applies
them, their pods restart on all nodes."""
DAEMON_SETS = EVERYWHERE[:2]
STARTS_API = {"kube-apiserver", "docker"}
"""With one of these API servers start anew, and are away from a load balancer."""
ON_ALL, ON_MASTERS = "all masters and workers", "all masters"


def change_parameters(change: ChangeParameters, before: ClusterState) -> Schedule:
    """Every node sees the new values at once; each reload restarts what it must."""
    made = Drafting()
    _render(made, f"Publish {_named(change.values)} to all nodes")
    _reloads(made, change.values, before)
    return made.end()


def change_modules(change: ChangeModules, before: ClusterState) -> Schedule:
    """The installer puts in what is new; nothing is ever taken out."""
    made = Drafting()
    _render(made, "Publish the choice of modules")
    new = [word for word in change.modules if word not in before.modules]
    if before.kubesphere and new:
        why = f"{', '.join(new)}: takes a while (G-053)"
        made.add("patch", "Master 1 tells the installer", "its configuration is patched", takes("kubectl"))
        title = f"The KubeSphere installer adds {counted(len(new), 'module')}"
        made.add("install", title, why, takes("installer-pod-start") + modules(len(new)))
        made.outside()
    return made.end()


def change_eip(change: ChangeEip, before: ClusterState) -> Schedule:
    """The console gets or loses its balancer; or the API server gets a certificate with the new address."""
    made = Drafting()
    _render(made, f"Publish {change.key}")
    if change.key == CONSOLE_EIP:
        if before.kubesphere:
            _console(made, str(before.settings.values.get(CONSOLE_EIP, "")), change.value)
        return made.end()
    _reloads(made, {change.key: change.value}, before)
    return made.end()


def _console(made: Drafting, old: str, new: str) -> None:
    """Add what the cloud controller makes of the Service ks-console."""
    title, took = "The console gets a load balancer", takes("security-group-apply", "lb-create", "lb-update")
    if old and new:
        title, took = "The console's load balancer gets another address", takes("lb-update", "lb-update")
    elif not new:
        title, took = "The console loses its load balancer and is a NodePort again", takes("lb-update", "lb-delete")
    made.add("patch", "The Service ks-console is patched", "it says how the console is reached", takes("kubectl"))
    why, felt = (
        "the cloud controller follows the Service (G-050)",
        "the console's address changes; nothing else is felt",
    )
    made.add("console", title, why, took, disruption=felt, felt=took)
    made.outside()


def _render(made: Drafting, title: str) -> None:
    made.add("render", title, "every node renders its files from the metadata", takes("render-parameters"))


def _named(values: Mapping[str, Value]) -> str:
    return ", ".join(values) if len(values) <= 3 else counted(len(values), "value")  # noqa: PLR2004 - a title


def _reloads(made: Drafting, values: Mapping[str, Value], before: ClusterState) -> None:
    after = {**before.settings.values, **values}
    found = parameter_changes().effects(before.version, before.settings.values, after)
    reloads = by_trigger(effect for effect in found if effect.trigger != RENDER)  # That stage is there already.
    for number, effect in enumerate(reloads, start=1):
        restarts = effect.restarts
        disruption = _felt(effect) if restarts else ""
        touches = Disruption(restarts, _touched(effect, before), effect.manner) if restarts else Disruption()
        took = span(reload_steps(effect), before.version)
        made.add(
            f"reload{number}",
            f"Reload: {effect.trigger}",
            effect.effect,
            took,
            felt=took if restarts else NO_TIME,
            disruption=disruption,
            touches=touches,
        )
        if STARTS_API.intersection(restarts) and reload_steps(effect)[0].do != "reload-hang-up":
            _back(made, f"back{number}", before, disruption, touches)


def _back(made: Drafting, name: str, before: ClusterState, disruption: str, touches: Disruption) -> None:
    """Add what nobody waits for: API servers start with docker, and a load balancer uses them again after checks."""
    title, why = "API servers are used again", "a load balancer believes its checks alone"
    took = api_back(before)
    made.add(name, title, why, took, disruption=disruption, felt=took, touches=touches)
    made.outside()


def _places(effect: ParameterChange) -> Mapping[str, tuple[str, ...]]:
    """Return where which components restart: on Kubernetes nodes of all kinds, or on masters alone."""
    wide = effect.acts_on in {"k8s-nodes", "all-nodes"}
    everywhere = [name for name in effect.restarts if name in (EVERYWHERE if wide else DAEMON_SETS)]
    masters = [name for name in effect.restarts if name not in everywhere]
    return {where: tuple(names) for where, names in ((ON_ALL, everywhere), (ON_MASTERS, masters)) if names}


def _touched(effect: ParameterChange, before: ClusterState) -> tuple[str, ...]:
    return roles(before, "master", "worker") if ON_ALL in _places(effect) else roles(before, "master")


def _felt(effect: ParameterChange) -> str:
    """Say what restarts where; with docker the control plane restarts too, for it runs in containers."""
    how = "node by node" if effect.manner == "rolling" else "at once"
    places = [
        f"{', '.join(names)} {'restarts' if len(names) == 1 else 'restart'} on {where} {how}"
        for where, names in _places(effect).items()
    ]
    text = "; ".join([*places, *([effect.interruption] if effect.interruption else [])])
    return f"{text}, the API servers' too" if "docker" in effect.restarts else text
