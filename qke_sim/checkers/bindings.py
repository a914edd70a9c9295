"""Both ends of every binding agree: pods and their nodes, nodes and their machines, disks and machines, addresses."""

from __future__ import annotations

from collections.abc import Iterator

from qke_sim.checkers.finding import Finding
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.lookup import GONE
from qke_sim.cloud.volume import Volume
from qke_sim.hosts.site import Site
from qke_sim.twin import Twin


def check(twin: Twin) -> Iterator[Finding]:
    """Yield every binding whose ends do not agree."""
    for site in twin.sites.values():
        yield from _pods(site)
        yield from _machines(twin, site)
    yield from _disks(twin)
    yield from _addresses(twin)


def _pods(site: Site) -> Iterator[Finding]:
    names = {node.name for node in site.kube.nodes.values()}
    for pod in site.kube.pods:
        if pod.node is not None and pod.node not in names:
            subject = f"{site.name}/{pod.key}"
            yield Finding("check.binding", subject, f"pod {subject} is bound to node {pod.node}, which is not there")


def _machines(twin: Twin, site: Site) -> Iterator[Finding]:
    """Every Kubernetes node has a machine, and every node's record one too, while the cluster is active and idle."""
    if site.cluster.status != "active" or site.cluster.transition_status:
        return
    machines = {f"node {site.name}/{node.alias}": node.instance_id for node in site.cluster.nodes}
    machines |= {f"Kubernetes node {site.name}/{alias}": node.instance_id for alias, node in site.kube.nodes.items()}
    for what, instance_id in machines.items():
        found = twin.cloud.store.find(Instance, instance_id)
        if found is None or found.status in GONE:
            yield Finding("check.binding", instance_id, f"{what} has instance {instance_id}, which is not there")


def _disks(twin: Twin) -> Iterator[Finding]:
    """A volume is in use exactly while it is at an instance that is there; one on its way is judged when it arrives."""
    store = twin.cloud.store
    for volume in store.all(Volume):
        if (volume.status == "in-use") != bool(volume.instance_id) and not volume.transition_status:
            sentence = (
                f"volume {volume.id} ({volume.label}) is {volume.status} at {volume.instance_id or 'no instance'}"
            )
            yield Finding("check.binding", volume.id, sentence)
        at = store.find(Instance, volume.instance_id) if volume.instance_id else None
        if volume.status == "in-use" and not volume.transition_status and (at is None or at.status in GONE):
            sentence = f"volume {volume.id} ({volume.label}) is at {volume.instance_id}, which is not there"
            yield Finding("check.binding", volume.id, sentence)


def _addresses(twin: Twin) -> Iterator[Finding]:
    """An address is at one thing at most, and associated exactly while it is at one."""
    store = twin.cloud.store
    for eip in store.all(Eip):
        if (eip.status == "associated") != bool(eip.resource_id) and not eip.transition_status:
            sentence = f"eip {eip.id} is {eip.status} with {eip.resource_id or 'nothing'}"
            yield Finding("check.binding", eip.id, sentence)
        has = twin.cloud.store.by_id(eip.resource_id) if eip.resource_id else None
        if has is not None and has.status in GONE:
            yield Finding("check.binding", eip.id, f"eip {eip.id} is still with {eip.resource_id}, which is gone")
