"""Stages of parameter changes (docs/rules/operations.md#change-parameters)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qke_core.catalog import ParameterChange, Value, parameter_changes
from qke_core.catalog.parameter_changes import RENDER, by_trigger
from qke_core.models.state import ClusterState
from qke_core.plan.change import ChangeEip, ChangeModules, ChangeParameters
from qke_core.plan.schedule import NO_TIME, Disruption, Interval, Schedule
from qke_core.plan.stages.draft import Drafting, counted, roles, takes

CONSOLE_EIP = "kubesphere_eip"
COMPONENT_TIMES: Mapping[str, str] = {
    "kube-apiserver": "control-plane-restart",
    "kube-controller-manager": "control-plane-restart",
    "kube-scheduler": "control-plane-restart",
    "kubelet": "kubelet-restart",
    "docker": "docker-restart",
    "kube-proxy": "pod-start",
    "hostnic-node": "pod-start",
}
"""Which duration of the catalogue a component's restart takes; several at once take as long as the longest."""

EVERYWHERE = ("kube-proxy", "hostnic-node", "kubelet", "docker")
"""Components of every Kubernetes node; the rest run on masters alone. The first two are DaemonSets: whoever applies
them, their pods restart on all nodes."""
DAEMON_SETS = EVERYWHERE[:2]
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
        took = takes("launch-installer", "installer-pod-start") + takes("kubesphere-install-module") * len(new)
        title = f"The KubeSphere installer adds {counted(len(new), 'module')}"
        made.add("install", title, why, took)
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
    why = "the Service ks-console is patched; the cloud controller follows (G-050)"
    made.add("console", title, why, took, disruption="the console's address changes; nothing else is felt", felt=took)


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
        took = _longest(restarts) if restarts else takes("kubectl")
        made.add(
            f"reload{number}",
            f"Reload: {effect.trigger}",
            effect.effect,
            took,
            felt=took if restarts else NO_TIME,
            disruption=_felt(effect) if restarts else "",
            touches=Disruption(restarts, _touched(effect, before), effect.manner) if restarts else Disruption(),
        )


def _longest(components: Sequence[str]) -> Interval:
    total = NO_TIME
    for component in components:
        total = total.beside(takes(COMPONENT_TIMES[component]))
    return total


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
