"""Preflight of an upgrade: every rule that can be checked on paper, all at once.

A rule is a small function from (cluster, target version, facts) to findings; `RULES` lists them in the order in which
people read them. The product's own pre_check knows only three of them (disk, nodes Ready, sshd) and only from certain
versions on; it stops at the first failing one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qke_core.catalog import Catalog
from qke_core.models.observation import ClusterObservation, NodeObservation
from qke_core.rules.finding import Finding, by_rank

GUIDE = "user guide, Upgrade"
NOTICE = "QKE app repo, locale text notice_when_upgrade"


def check_upgrade(cluster: ClusterObservation, target: str, catalog: Catalog) -> tuple[Finding, ...]:
    """List everything that would block or hurt an upgrade of `cluster` to `target`, one legal hop away.

    Returns:
        Findings: blockers first, then warnings, then notes; in the order of `RULES` within each.
    """
    return by_rank([finding for rule in RULES for finding in rule(cluster, target, catalog)])


Rule = Callable[[ClusterObservation, str, Catalog], Iterator[Finding]]


def _not_active(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = target, catalog
    if cluster.status != "active" or cluster.transition:
        state = cluster.transition or cluster.status
        yield Finding(
            "upgrade.cluster-not-active",
            "blocker",
            cluster.name,
            f"Cluster {cluster.name} is {state}; an upgrade starts from active with nothing going on",
            "wait until it is active, or start it",
            0,
            "QKE app repo, upgrading_policy in-place-parallel: the upgrade runs on running nodes",
        )


def _disk(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    required = catalog.constant("disk_free_required_mb")
    for node in cluster.k8s_nodes:
        code = _pre_check_code(catalog, node, target, "disk")
        if node.data_free_mb is not None and node.data_free_mb < required:
            yield Finding(
                "upgrade.disk-short",
                "blocker" if code else "warning",
                node.name,
                f"{node.name} has {node.data_free_mb} MB free on /data, the upgrade needs {required} MB",
                f"free {required - node.data_free_mb} MB on {node.name} (docker prune) or enlarge its volume",
                code,
                f"{GUIDE}, G-143; pre_check of the upgrade service",
            )


def _not_ready(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    for node in cluster.k8s_nodes:
        code = _pre_check_code(catalog, node, target, "nodes-ready")
        if node.ready is False:
            yield Finding(
                "upgrade.node-not-ready",
                "blocker" if code else "warning",
                node.name,
                f"{node.name} is not Ready",
                f"look at kubelet and docker on {node.name}; every master and worker must be Ready",
                code,
                "QKE app repo, pre_check of the upgrade service (from 3.0.0)",
            )


def _api_silent(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = target, catalog
    if cluster.unbound_claims is None:
        yield Finding(
            "upgrade.api-unreachable",
            "blocker",
            cluster.name,
            f"The API server of {cluster.name} does not answer",
            "bring a master's kube-apiserver and etcd back before upgrading",
            0,
            "the masters wait for each other through the API server",
        )


def _client_stopped(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = target, catalog
    for node in cluster.clients:
        if node.status != "active":
            yield Finding(
                "upgrade.client-stopped",
                "blocker",
                node.name,
                f"The client node {node.name} is {node.status}; it must be running for the upgrade",
                f"start {node.name}, then plan again",
                0,
                f"{GUIDE}, G-145",
            )


def _ssh_port(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    for node in cluster.nodes:
        code = _pre_check_code(catalog, node, target, "sshd-22")
        if code and node.ssh_port is not None and node.ssh_port != 22:  # noqa: PLR2004 - the rule's own number
            where = f"listens on port {node.ssh_port}" if node.ssh_port else "does not run"
            yield Finding(
                "upgrade.ssh-port",
                "blocker",
                node.name,
                f"sshd on {node.name} {where}; QKE {target} wants port 22",
                f"set Port 22 in the sshd configuration of {node.name} and restart sshd",
                code,
                "QKE app repo, pre_check of the upgrade service (from 3.1.1)",
            )


def _unbound_claims(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    if not catalog.has_budget("no-unbound-pvc", target):
        return
    for claim in cluster.unbound_claims or ():
        yield Finding(
            "upgrade.unbound-claim",
            "warning",
            claim,
            f"Claim {claim} is not bound: after its wait the upgrade to {target} skips the CSI driver without a word",
            "bind or delete the claim before upgrading",
            0,
            f"QKE app repo, tag v{target}, storage step of the upgrade",
        )


def _single_master(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = target, catalog
    if len(cluster.masters) == 1:
        yield Finding(
            "upgrade.single-master",
            "warning",
            cluster.name,
            f"{cluster.name} has a single master: its API server does not answer while the control plane restarts",
            "choose a quiet hour; running pods keep serving, but nothing is scheduled or healed meanwhile",
            0,
            f"{GUIDE}, G-141",
        )


def _audit_reset(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    order = catalog.order
    if order.index(cluster.version) < order.index("3.1.0") <= order.index(target):
        yield Finding(
            "upgrade.audit-reset",
            "warning",
            cluster.name,
            f"The audit policy setting is reset by the upgrade to {target}",
            "note the policy now and set it again as a cluster parameter afterwards",
            0,
            NOTICE,
        )


def _data_outside(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = target, catalog
    yield Finding(
        "upgrade.data-outside-data",
        "warning",
        cluster.name,
        "Data outside /data on masters and workers, and all data on the client, is reset at the next restart",
        "back it up first",
        0,
        f"{GUIDE}, G-144",
    )


def _all_modules(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = catalog
    if cluster.kubesphere and cluster.version.startswith("1.") and target == "2.0.0":
        yield Finding(
            "upgrade.all-modules",
            "warning",
            cluster.name,
            "KubeSphere turns on all seven optional modules, because 1.x was a full install",
            "leave room for their pods; modules are only ever installed, never removed",
            0,
            "QKE app repo, tag v2.0.0, KubeSphere configuration of an upgraded cluster; guide G-052",
        )


def _manual_leftovers(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = catalog
    if cluster.version.startswith("1.") and target == "2.0.0":
        yield Finding(
            "upgrade.manual-leftovers",
            "note",
            cluster.name,
            "Load balancers and volumes made before this upgrade are never destroyed with the cluster",
            "remove them by hand when the cluster is deleted one day",
            0,
            "user guide, FAQ, G-192",
        )


def _old_kernel(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = catalog
    if cluster.version == "1.0.0" and target == "2.0.0":
        yield Finding(
            "upgrade.old-kernel",
            "note",
            cluster.name,
            "KubeSphere may show wrong CPU usage afterwards: the nodes keep Ubuntu 16.04",
            "stop and start the cluster once to replace the system disks",
            0,
            f"{GUIDE}, G-147",
        )


def _no_client(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = target, catalog
    if not cluster.clients and cluster.kubesphere:
        yield Finding(
            "upgrade.no-client",
            "warning",
            cluster.name,
            "There is no client node, so the job ends without waiting for KubeSphere",
            "look at the installer's log yourself after the job",
            0,
            "QKE app repo: only the client's upgrade waits for the installer",
        )


def _no_rollback(cluster: ClusterObservation, target: str, catalog: Catalog) -> Iterator[Finding]:
    _ = catalog
    yield Finding(
        "upgrade.no-rollback",
        "note",
        cluster.name,
        f"Nothing leads back from {target}: a failed upgrade stays as it is",
        "rehearse first; open a ticket with the job's code if it fails",
        0,
        "QKE app repo, unsupported_actions rollback",
    )


def _pre_check_code(catalog: Catalog, node: NodeObservation, target: str, check: str) -> int:
    """Return the product's code when its own pre_check looks at this on this node; 0 when it does not."""
    service = catalog.upgrade_service(node.role, target)
    checks = service.pre_checks if service is not None else ()
    return next((found.code for found in checks if found.check == check), 0)


RULES: tuple[Rule, ...] = (
    _not_active,
    _disk,
    _not_ready,
    _api_silent,
    _client_stopped,
    _ssh_port,
    _unbound_claims,
    _single_master,
    _no_client,
    _audit_reset,
    _data_outside,
    _all_modules,
    _manual_leftovers,
    _old_kernel,
    _no_rollback,
)
