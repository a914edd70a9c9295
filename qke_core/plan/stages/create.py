"""Stages of a creation (QKE app repo, services start and init; docs/rules/operations.md#create)."""

from __future__ import annotations

from qke_core.catalog import catalog
from qke_core.inventory import api_balancer, console_balancer
from qke_core.models.state import ClusterState
from qke_core.plan.change import Create
from qke_core.plan.schedule import Schedule
from qke_core.plan.stages.draft import Drafting, nodes, takes


def create(change: Create, before: ClusterState) -> Schedule:
    """From nothing to a cluster whose nodes are all normal; with KubeSphere, until its installer is done."""
    _ = before
    wish = change.wish
    made = Drafting()
    total = wish.count("master", "worker", "client")
    machines = takes("instance-run", "volume-create", "volume-attach", "host-boot")
    made.add("machines", f"Run {nodes(total)} with their disks", "everything else happens on them", machines)
    last = _one(made, wish) if wish.version.startswith("1.") else _two(made, wish)
    if console_balancer(wish):
        why = "the console has a public address (G-050)"
        made.add("console", "Give the console a load balancer", why, takes("lb-create", "lb-update"), last)
    return made.end()


def _two(made: Drafting, wish: ClusterState) -> str:
    """From 2.0.0 on: services first, then masters and workers initialise together, then the client."""
    start = takes("initialise-node", "start-services")
    made.add("start", "Start services on all nodes", "docker, kubelet and etcd must run before kubeadm", start)
    waits = ["first-master"]
    if api_balancer(wish):
        lb = takes("security-group-apply", "lb-create", "lb-settle", "lb-update")
        made.add("balancer", "Create the API server's load balancer", "three masters, or an EIP (G-030)", lb, "start")
        waits.append("balancer")
    init = takes("kubeadm-init")
    made.add("first-master", "kubeadm init on master 1", "the first master makes the cluster", init, "start")
    if wish.ha:
        made.add("masters", "Masters 2 and 3 join", "three masters (G-185)", takes("kubeadm-join"), "first-master")
        waits.append("masters")
    if wish.count("worker"):
        joined = f"{nodes(wish.count('worker'))} join as workers"
        made.add("workers", joined, "pods run on workers", takes("kubeadm-join"), *waits)
        waits = ["workers"]
    made.add("network", "Network plugin and DNS", "nodes are Ready only with a network", takes("apply-network"), *waits)
    made.add("ready", "Wait until all nodes are Ready", "the next parts need them", takes("nodes-ready"))
    parts = takes("apply-cloud-controller", "replace-storage")
    made.add("integration", "Cloud controller, CSI driver, storage classes", "volumes and balancers", parts)
    last = "integration"
    if wish.kubesphere:
        last = _kubesphere(made, wish, "integration")
    if wish.count("client"):
        waits = [last] if wish.kubesphere else ["ready"]
        made.add("client", "The client takes the kubeconfig", "the job ends with it", takes("client-start"), *waits)
        return made.add(
            "done", "All nodes are normal", "the cluster is active (G-084)", takes("api-call"), "client", last
        )
    return made.add("done", "All nodes are normal", "the cluster is active (G-084)", takes("api-call"), last)


def _one(made: Drafting, wish: ClusterState) -> str:
    """At 1.x: the client initialises first and makes the balancer; masters start, then workers, then the client."""
    client = takes("initialise-node")
    if api_balancer(wish):
        client += takes("security-group-apply", "lb-create", "lb-update")
    made.add("client-init", "Client prepares, and makes the load balancer with three masters", "G-030", client)
    made.add("masters", "Masters make the cluster side by side", "order 2", takes("start-services", "kubeadm-init"))
    joins = takes("start-services", "kubeadm-join", "apply-network")
    made.add("workers", f"{nodes(wish.count('worker'))} join as workers", "order 2 of start", joins)
    parts = takes("apply-cloud-controller", "replace-storage", "tiller-start")
    last = made.add("client-start", "Client installs the cloud controller and waits for tiller", "order 3", parts)
    return _kubesphere(made, wish, last) if wish.kubesphere else last


def _kubesphere(made: Drafting, wish: ClusterState, after: str) -> str:
    took = takes("launch-installer", "installer-pod-start", "kubesphere-install-minimal")
    count = MODULES_AT_ONE if wish.version.startswith("1.") else len(wish.modules)
    took += takes("kubesphere-install-module") * count
    version = catalog().version(wish.version).kubesphere
    title = f"Install KubeSphere {version}" + (f" with {count} modules" if count else ", minimal")
    return made.add("kubesphere", title, "install_kubesphere is true (G-049)", took, after)


MODULES_AT_ONE = 2
"""At 1.x the installer puts in everything at once; together it takes as long as two modules (assumed)."""
