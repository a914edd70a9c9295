"""Stages of parameter changes (docs/rules/operations.md#change-parameters)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qke_core.catalog import ParameterChange, Value, by_trigger, parameter_changes
from qke_core.catalog.parameter_changes import RENDER
from qke_core.models.state import ClusterState
from qke_core.plan.change import ChangeEip, ChangeModules, ChangeParameters
from qke_core.plan.schedule import Disruption, Interval, Schedule
from qke_core.plan.stages.draft import Drafting, takes
from qke_core.plan.stages.power import roles

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


def change_parameters(change: ChangeParameters, before: ClusterState) -> Schedule:
    """Every node sees the new values at once; each reload restarts what it must."""
    made = Drafting()
    _render(made, "Publish the new values to all nodes")
    _reloads(made, change.values, before)
    return made.end()


def change_modules(change: ChangeModules, before: ClusterState) -> Schedule:
    """The installer puts in what is new; nothing is ever taken out."""
    made = Drafting()
    _render(made, "Publish the choice of modules")
    new = [word for word in change.modules if word not in before.modules]
    if before.kubesphere and new:
        why = f"{', '.join(new)}: takes a while (G-053)"
        took = takes("kubesphere-install-module") * len(new)
        made.add("install", f"The KubeSphere installer adds {len(new)} modules", why, took)
    return made.end()


def change_eip(change: ChangeEip, before: ClusterState) -> Schedule:
    """The console gets or loses its balancer; or the API server gets a certificate with the new address."""
    made = Drafting()
    _render(made, f"Publish {change.key}")
    if change.key == "kubesphere_eip":
        if before.kubesphere:
            took = takes("security-group-apply", "lb-create", "lb-update") if change.value else takes("lb-delete")
            title = "The console gets a load balancer" if change.value else "The console goes back to its NodePort"
            felt = "the console's address changes"
            made.add("console", title, "the Service ks-console is patched", took, disruption=felt)
        return made.end()
    _reloads(made, {change.key: change.value}, before)
    return made.end()


def _render(made: Drafting, title: str) -> None:
    made.add("render", title, "every node renders its files from the metadata", takes("render-parameters"))


def _reloads(made: Drafting, values: Mapping[str, Value], before: ClusterState) -> None:
    after = {**before.settings.values, **values}
    found = parameter_changes().effects(before.version, before.settings.values, after)
    reloads = by_trigger(effect for effect in found if effect.trigger != RENDER)  # That stage is there already.
    for number, effect in enumerate(reloads, start=1):
        touched = roles(before, "master") if "master" in effect.acts_on else roles(before, "master", "worker")
        restarts = effect.restarts
        took = _longest(restarts)
        made.add(
            f"reload{number}",
            f"Reload: {effect.trigger}",
            effect.effect,
            took if restarts else takes("kubectl"),
            felt=took,
            disruption=_felt(effect) if restarts else "",
            touches=Disruption(restarts, touched, effect.manner) if restarts else Disruption(),
        )


def _longest(components: Sequence[str]) -> Interval:
    total = Interval(0, 0)
    for component in components:
        total = total.beside(takes(COMPONENT_TIMES[component]))
    return total


def _felt(effect: ParameterChange) -> str:
    where = {"first-master": "master 1", "masters": "all masters", "k8s-nodes": "all masters and workers"}
    how = "node by node" if effect.manner == "rolling" else "at once"
    text = f"{', '.join(effect.restarts)} restart on {where[effect.acts_on]} {how}"
    return f"{text}; {effect.interruption}" if effect.interruption else text
