"""Rules of storage: can the default class be attached where pods run, do KubeSphere's volumes fit, what has the zone.

Sizes of data disks are role parameters: `qke_core.rules.parameters` checks them.

Rule: docs/rules/storage.md; guide G-029, G-040, G-155, G-176 to G-178, G-184; yunify/qingcloud-csi (attach matrix).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qke_core.catalog import catalog, parameters, storage
from qke_core.documents import Path
from qke_core.inventory import default_class, kubesphere_claims
from qke_core.models.state import ClusterState
from qke_core.models.world import VolumeState, World
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding, Severity
from qke_core.units import render_size

MATRIX = "yunify/qingcloud-csi, pkg/disk/driver/types.go"
POLICY = "QKE app repo, app/replace_policy.json"
ZONES = "QKE app repo, tag v3.3.0, volume.md among its docs"
NOT_ATTACHED = 5600
"""`ret_code` of the cloud for a volume that does not go with a host."""
MIB_PER_GIB = 1024
GPU, GPU_ALONE_SINCE = "node_gpu", "3.1.0"


def host_of(state: ClusterState, role: str) -> int:
    """Return the host type that the nodes of a role really have in their zone."""
    return storage().replace(state.born_as, state.zone, "instance_class", state.shape[role].instance_class)


def runners(state: ClusterState) -> Mapping[str, int]:
    """Return the roles whose nodes run ordinary pods, with their real host type.

    These are the workers, or the masters when there are none. GPU nodes keep off pods that do not tolerate
    nvidia.com/gpu; from 3.1.0 on they do so only beside other workers.
    """
    workers = [role for role in state.shape if _worker(role) and state.shape[role].count]
    if not workers:
        return {"master": host_of(state, "master")} if state.count("master") else {}
    order = catalog().order
    alone = workers == [GPU] and order.index(state.version) >= order.index(GPU_ALONE_SINCE)
    return {role: host_of(state, role) for role in workers if role != GPU or alone}


def _worker(role: str) -> bool:
    return catalog().roles[role].kind == "worker"


def _stays(case: Case) -> bool:
    """Whether there will be a cluster after the wish."""
    return case.wish.status not in {"deleted", "ceased"}


def _needed(case: Case) -> Severity:
    """Return how bad it is when KubeSphere cannot have its volumes: a new one cannot be installed."""
    return "blocker" if case.goal.kubesphere and case.creates else "warning"


def _zone(case: Case) -> Iterator[Finding]:
    if case.wish.zone not in storage().zones:
        known = ", ".join(storage().zones)
        sentence = f"Zone {case.wish.zone} is not in the catalogue: its volume types are taken to be those of pek3"
        yield case.finding("storage.zone-unknown", "warning", ("zone",), sentence, f"known zones: {known}", ZONES)


def _disks(case: Case) -> Iterator[Finding]:
    """The data disk of a new node must attach to it, and the zone must have its type.

    1.x is left out: its hosts and disks are older than the lists of zones.
    """
    if not _stays(case) or case.goal.born_as.startswith("1."):
        return
    book, goal = storage(), case.goal
    lacking: dict[int, list[str]] = {}
    for role in _growing(case):
        host, declared = host_of(goal, role), goal.shape[role].instance_class
        disk = book.data_disk_type(goal.born_as, goal.zone, role, declared)
        if disk not in book.offered(goal.zone):
            lacking.setdefault(disk, []).append(role)
        if not book.attachable(host, disk):
            sentence = f"Data disks of {role} are of type {disk} in zone {goal.zone}; host type {host} does not take it"
            better = " or ".join(str(code) for code in _hosts_for(goal, role, disk))
            remedy = f"write instance_class: {better} for {role}" if better else "choose another zone"
            path, source = ("roles", role, "instance_class"), f"{POLICY}; {MATRIX}"
            yield case.finding("storage.disk-unattachable", "blocker", path, sentence, remedy, source, NOT_ATTACHED)
    for disk, roles in lacking.items():
        name = book.volume_types[disk].name
        sentence = f"Zone {goal.zone} is not known to offer type {disk} ({name}), the data disks of {', '.join(roles)}"
        remedy = "choose another zone, or another host type; go on if you know that the zone offers it"
        yield case.finding("storage.disk-not-offered", "warning", ("zone",), sentence, remedy, f"{ZONES}; {POLICY}")


def _growing(case: Case) -> Iterator[str]:
    """Yield the roles that get nodes with a data disk."""
    for role, shape in case.goal.shape.items():
        had = () if case.creates or case.now is None else case.now.nodes.get(role, ())
        if catalog().roles[role].kind != "client" and shape.count > len(had):
            yield role


def _hosts_for(state: ClusterState, role: str, disk: int) -> list[int]:
    """Return the host types a role may be created with that, in this zone, take disks of a type."""
    known = parameters().role(role, state.version).get("instance_class")
    codes = [] if known is None else [int(choice) for choice in known.choices]
    zoned = {code: storage().replace(state.born_as, state.zone, "instance_class", code) for code in codes}
    return [code for code, real in zoned.items() if storage().attachable(real, disk)]


def _default(case: Case) -> Iterator[Finding]:
    """The default class must exist and attach where pods run (guide G-176, G-177)."""
    if not _stays(case):
        return
    goal, book, source = case.goal, storage(), f"user guide, FAQ, G-176, G-177; {MATRIX}"
    found = default_class(goal)
    if found is None:
        sentence = f"Zone {goal.zone} does not offer the type of the masters' disks: there is no default storage class"
        names = ", ".join(book.volume_types[code].storage_class for code in book.offered(goal.zone))
        remedy = f"choose masters of another host type, or write storageClassName in every claim: {names}"
        yield case.finding("storage.no-default", _needed(case), ("roles", "master"), sentence, remedy, source)
        return
    hosts = runners(goal)
    fit = [role for role, host in hosts.items() if book.attachable(host, found.type)]
    if not fit:
        where = _where(hosts) if hosts else f"{GPU}, which keeps off pods that do not tolerate nvidia.com/gpu"
        sentence = f"No node can use volumes of the default class {found.name}: pods run on {where}"
        able = [role for role in goal.shape if _worker(role) and book.attachable(host_of(goal, role), found.type)]
        roles = " or ".join(role for role in able if role != GPU) or "another host type"
        remedy = f"add workers of {roles}, at least 2"
        if named := _classes_for(goal, hosts):
            remedy += f"; your own claims may name another class: storageClassName: {_listed(named)}"
        yield case.finding(
            "storage.default-unattachable", _needed(case), ("roles",), sentence, remedy, f"{source}; G-038, G-118"
        )
        return
    for role in goal.shape:
        host = host_of(goal, role)
        if _worker(role) and goal.shape[role].count and not book.attachable(host, found.type):
            named = _classes_for(goal, {role: host})
            sentence = f"Volumes of the default class {found.name} do not attach to {role} (host type {host})"
            remedy = f"write storageClassName: {_listed(named)} in claims of pods that shall run there"
            if not named:
                remedy = f"keep pods with volumes off {role}: no class of this cluster attaches there"
            path, why = ("roles", role), f"user guide, G-040, G-118, G-178; {MATRIX}"
            severity = "note" if named else "warning"
            yield case.finding("storage.class-must-be-named", severity, path, sentence, remedy, why)


def _where(hosts: Mapping[str, int]) -> str:
    return ", ".join(f"{role} (host type {host})" for role, host in hosts.items())


def _classes_for(state: ClusterState, hosts: Mapping[str, int]) -> list[str]:
    """Return the classes of a cluster whose volumes attach to all of these hosts; what a host prefers stands first."""
    book = storage()
    found = book.classes(state.version, state.zone, state.shape["master"].instance_class, state.born_as)
    preferred = {book.host_types[host].preferred for host in hosts.values() if host in book.host_types}
    fit = [each for each in found if all(book.attachable(host, each.type) for host in hosts.values())]
    return [each.name for each in sorted(fit, key=lambda each: each.type not in preferred)] if hosts else []


def _listed(names: Sequence[str]) -> str:
    return f"{names[0]} (or {', '.join(names[1:])})" if names[1:] else "".join(names)


def volume_room(state: ClusterState) -> int:
    """Return how many volumes of the default class attach to the nodes that run pods (guide G-184)."""
    found = default_class(state)
    if found is None:
        return 0
    hosts = runners(state)
    nodes = sum(state.shape[role].count for role, host in hosts.items() if storage().attachable(host, found.type))
    return nodes * storage().constants["volumes_per_host"]


def _per_host(case: Case) -> Iterator[Finding]:
    """A host takes 10 volumes; a full KubeSphere needs 11 (guide G-184)."""
    needs, room = len(kubesphere_claims(case.goal)), volume_room(case.goal)
    if not _stays(case) or not room or not needs or needs < room:
        return
    nodes = room // storage().constants["volumes_per_host"]
    where = "the node that runs pods" if nodes == 1 else f"the {nodes} nodes that run pods"
    source, path = "user guide, FAQ, G-184; yunify/qingcloud-csi, driver flag maxvolume", ("env", "extra.modules")
    if needs == room:
        sentence = f"KubeSphere claims all {room} volumes that attach to {where}: none is left for workloads"
        remedy = "add workers, or choose fewer modules"
        yield case.finding("storage.volumes-per-host", "warning", path, sentence, remedy, source)
        return
    now = case.now
    worse = case.creates or now is None or needs > len(kubesphere_claims(now)) or room < volume_room(now)
    sentence = f"KubeSphere claims {needs} volumes with these modules; {room} attach to {where}"
    remedy = "add workers, or choose fewer modules: ks-logging, ks-openpitrix, ks-devops and ks-alerting claim volumes"
    yield case.finding("storage.volumes-per-host", "blocker" if worse else "warning", path, sentence, remedy, source)


def _replaced(case: Case) -> Iterator[Finding]:
    """A zone may put another host type in place of the declared one."""
    found: dict[tuple[int, int], list[str]] = {}
    for role, shape in case.goal.shape.items():
        real = host_of(case.goal, role)
        if case.creates and shape.count and real != shape.instance_class:
            found.setdefault((shape.instance_class, real), []).append(role)
    for (declared, real), roles in found.items():
        name = storage().host_types[real].name
        sentence = f"In {case.wish.zone} host type {real}, {name}, stands in for {declared}: {', '.join(roles)}"
        remedy = "nothing to do; prices and volume types are those of the type they get"
        yield case.finding("storage.host-replaced", "note", ("zone",), sentence, remedy, POLICY)


RULES: tuple[Rule, ...] = (_zone, _disks, _default, _per_host, _replaced)


def _volumes(world: World) -> Iterator[tuple[Path, str, VolumeState]]:
    """Yield every volume of a world with its path and whose it is."""
    for place, found in enumerate(world.volumes):
        yield ("volumes", place), "", found
    for number, cluster in enumerate(world.clusters):
        for place, found in enumerate(cluster.volumes):
            yield ("clusters", number, "volumes", place), cluster.name, found


def _world_types(world: World) -> Iterator[Finding]:
    """Volumes are of types that there are, and that the zone offers (guide G-006, G-155)."""
    book = storage()
    for path, subject, found in _volumes(world):
        if found.type not in book.volume_types:
            known = ", ".join(f"{code} ({kind.name})" for code, kind in book.volume_types.items())
            sentence, remedy = f"There is no volume type {found.type}", f"write one of {known}"
            yield world_finding("storage.type-unknown", "blocker", (*path, "type"), sentence, remedy, MATRIX, subject)
        elif world.zone in book.zones and found.type not in book.offered(world.zone):
            kind, offered = book.volume_types[found.type], ", ".join(str(code) for code in book.offered(world.zone))
            sentence = f"Zone {world.zone} is not known to offer volumes of type {found.type} ({kind.name})"
            remedy = f"write one of {offered}, or keep it if you know better"
            yield world_finding(
                "storage.type-not-offered", "warning", (*path, "type"), sentence, remedy, ZONES, subject
            )


def _world_sizes(world: World) -> Iterator[Finding]:
    """A volume has a size that some class, zone or driver allows for its type."""
    for path, subject, found in _volumes(world):
        low, high = storage().size_span(found.type)
        if low and not low * MIB_PER_GIB <= found.size <= high * MIB_PER_GIB:
            kind = storage().volume_types[found.type].name
            sentence = (
                f"A volume of type {found.type} ({kind}) has {render_size(found.size)}; none is that small or large"
            )
            remedy = f"write a size from {low}GiB to {high}GiB"
            source = f"{ZONES}; QKE app repo, confd template of the storage classes; {MATRIX}"
            yield world_finding("storage.size", "warning", (*path, "size"), sentence, remedy, source, subject)


WORLD_RULES: tuple[WorldRule, ...] = (_world_types, _world_sizes)
