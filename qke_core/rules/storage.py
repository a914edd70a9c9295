"""Rules of storage: does the default class attach where pods run, do KubeSphere's volumes fit, what has the zone.

Rule: docs/rules/storage.md; guide G-029, G-040, G-155, G-176 to G-178, G-184; yunify/qingcloud-csi (attach matrix).
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import StorageClass, catalog, storage
from qke_core.models.state import ClusterState
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding

MATRIX = "yunify/qingcloud-csi, pkg/disk/driver/types.go"


def default_class(state: ClusterState) -> StorageClass | None:
    """Return the default storage class of a cluster; None when the zone does not offer its type."""
    masters = state.shape["master"].instance_class
    classes = storage().classes(state.version, state.zone, masters, state.born_as)
    return next((found for found in classes if found.default), None)


def runners(state: ClusterState) -> dict[str, int]:
    """Return the roles whose nodes run pods, with their real instance class: workers, or else masters."""
    roles, book = catalog().roles, storage()
    kind = "worker" if state.count("worker") else "master"
    return {
        role: book.replace(state.version, state.zone, "instance_class", found.instance_class)
        for role, found in state.shape.items()
        if found.count and roles[role].kind == kind
    }


def _zone(case: Case) -> Iterator[Finding]:
    if case.wish.zone not in storage().zones:
        known = ", ".join(storage().zones)
        sentence = f"Zone {case.wish.zone} is not in the catalogue: its volume types are taken to be the modern ones"
        source = "QKE app repo, tag v3.3.0, docs/volume.md"
        yield case.finding("storage.zone-unknown", "warning", ("zone",), sentence, f"known zones: {known}", source)


def _default(case: Case) -> Iterator[Finding]:
    """The default class must exist and attach where pods run (guide G-176, G-177)."""
    found, source = default_class(case.goal), f"user guide, FAQ, G-176, G-177; {MATRIX}"
    path = ("roles", "master")
    if found is None:
        sentence = f"Zone {case.wish.zone} offers no volumes of the masters' type: there is no default storage class"
        remedy = "choose masters of another host type, or name a class in every claim"
        severity = "blocker" if case.goal.kubesphere and case.creates else "warning"
        yield case.finding("storage.no-default", severity, path, sentence, remedy, source)
        return
    hosts = runners(case.goal)
    fit = [role for role, host in hosts.items() if storage().attachable(host, found.type)]
    if hosts and not fit:
        sentence = f"Volumes of the default class {found.name} attach to no worker: {', '.join(hosts)}"
        remedy = "add workers of the masters' host type"
        severity = "blocker" if case.goal.kubesphere and case.creates else "warning"
        yield case.finding("storage.default-unattachable", severity, ("roles",), sentence, remedy, source)
    elif len(fit) < len(hosts):
        others = ", ".join(role for role in hosts if role not in fit)
        sentence = f"Volumes of the default class {found.name} do not attach to {others}"
        remedy = "name another class for workloads there"
        yield case.finding(
            "storage.class-must-be-named", "note", ("roles",), sentence, remedy, "user guide, G-040, G-178"
        )


def _single_node(case: Case) -> Iterator[Finding]:
    """A host takes 10 volumes; a full KubeSphere needs 11 (guide G-184)."""
    if case.goal.count("worker") or not case.goal.kubesphere:
        return
    book = storage()
    count, _ = book.kubesphere_volumes(case.goal.modules, linked_elk=bool(case.goal.elk))
    room = book.constants["volumes_per_host"] * case.goal.count("master")
    if count > room:
        sentence = f"KubeSphere with these modules claims {count} volumes, and {room} attach to the masters"
        remedy = "choose fewer modules, or add workers"
        path = ("env", "extra.modules")
        yield case.finding("storage.volumes-per-host", "blocker", path, sentence, remedy, "user guide, FAQ, G-184")


def _replaced(case: Case) -> Iterator[Finding]:
    """A zone may put another host type in place of the declared one."""
    book = storage()
    for role, shape in case.goal.shape.items():
        real = book.replace(case.version, case.wish.zone, "instance_class", shape.instance_class)
        if shape.count and real != shape.instance_class:
            sentence = f"In {case.wish.zone} nodes of {role} get host type {real} instead of {shape.instance_class}"
            source = "QKE app repo, app/replace_policy.json"
            yield case.finding("storage.host-replaced", "note", ("zone",), sentence, "nothing to do", source)


RULES: tuple[Rule, ...] = (_zone, _default, _single_node, _replaced)
