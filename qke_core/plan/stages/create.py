"""Stages of a creation (QKE app repo, services start and init of each version; docs/rules/operations.md#create)."""

from __future__ import annotations

from collections.abc import Sequence

from qke_core.catalog import catalog, operations
from qke_core.inventory import api_balancer, console_balancer
from qke_core.models.state import ClusterState
from qke_core.plan.change import Create
from qke_core.plan.schedule import Schedule
from qke_core.plan.stages.draft import Drafting, counted, nodes, takes, together

MACHINES = ("instance-run", "volume-create", "volume-attach", "host-boot")
BALANCER = ("security-group-apply", "lb-create", "lb-settle", "lb-update")
CONSOLE = ("security-group-apply", "lb-create", "lb-update")


def create(change: Create, before: ClusterState) -> Schedule:
    """From nothing to a cluster whose nodes are all normal; with KubeSphere, until its installer is done."""
    _ = before
    wish, made = change.wish, Drafting()
    total = wish.count("master", "worker", "client")
    title = f"Run {nodes(total)} with data disks{together(total)}"
    made.add("machines", title, "everything else happens on them", takes(*MACHINES))
    if operations().init_order(wish.version)[0] == ("client",):
        _client_first(made, wish)
    else:
        _services_first(made, wish)
    return made.end()


def _services_first(made: Drafting, wish: ClusterState) -> None:
    """From 2.0.0 on: services of all nodes start, then masters and workers initialise together, then the client."""
    took = takes("initialise-node", "start-services")
    made.add("start", "Start services on masters and workers", "docker, kubelet and etcd come before kubeadm", took)
    if wish.count("client"):
        made.add("start-client", "Start the client", "start order 2", takes("start-services"))
    begun = "start-client" if wish.count("client") else "start"
    joined = _masters(made, wish, begun)
    _network(made, wish, joined)
    waits = ["taint" if not wish.count("worker") else "network"]
    if wish.count("worker"):
        workers = _workers(wish.count("worker"))
        gpu = wish.shape["node_gpu"].count
        why = f"pods run on workers; {nodes(gpu, 'node_gpu')} get the NVIDIA plugin" if gpu else "pods run on workers"
        waits.append(made.add("workers", workers, why, takes("kubeadm-join"), *joined))
    why = "what follows needs them; a cordoned node does not count"
    made.add("ready", "Wait until all nodes are Ready", why, takes("nodes-ready"), *waits)
    parts = takes("apply-cloud-controller", "install-storage")
    made.add("integration", "Cloud controller, CSI driver, storage classes", "volumes and balancers (G-006)", parts)
    if wish.kubesphere:
        _kubesphere(made, wish, "integration")
    _end(made, wish)


def _masters(made: Drafting, wish: ClusterState, begun: str) -> Sequence[str]:
    """Add what makes the control plane; return the stages after which others may join it."""
    dns = catalog().has_budget("local-dns", wish.version)
    guard = f"{begun} ended; the node's DNS resolves the API server (else code 143)" if dns else ""
    made.add(
        "first-master",
        "kubeadm init on master 1",
        "the first master makes the cluster",
        takes("kubeadm-init"),
        begun,
        guard=guard,
    )
    last = "first-master"
    if wish.ha:
        last = made.add("masters", "Masters 2 and 3 join", "three masters (G-185)", takes("kubeadm-join"), last)
    if not api_balancer(wish):
        return (last,)
    why = "three masters (G-030)" if wish.ha else "an EIP for the API server"
    title = "Create the API server's load balancer and its security group"
    made.add("balancer", title, f"{why}; a call that fails ends in code 133", takes(*BALANCER), begun)
    why = "who asks the load balancer must be able to trust the answer"
    took = takes("issue-certificate", "apiserver-start")
    title = "The API server's certificate gets the balancer's address"
    return (made.add("certificates", title, why, took, last, "balancer"),)


def _network(made: Drafting, wish: ClusterState, joined: Sequence[str]) -> None:
    plugin = str(wish.settings.values.get("network_plugin", "calico"))
    took, title = takes("apply-network"), f"Network plugin {plugin} and DNS"
    if not operations().can(wish.version, "helm-3"):
        took += takes("install-tiller")
        title = f"Network plugin {plugin}, tiller and DNS"
    guard = f"{', '.join(joined)} ended"
    if plugin == "hostnic":
        guard += "; its vxnets are there, enough and in the VPC (else codes 139 to 142)"
    made.add("network", title, "nodes are Ready only with a network", took, *joined, guard=guard)
    if not wish.count("worker"):
        why = "there are no workers: pods run on masters (G-182)"
        made.add("taint", "Masters drop their taint", why, takes("kubectl"), "network")


def _end(made: Drafting, wish: ClusterState) -> None:
    """Add the client, which ends the job, and what the job does not wait for."""
    waits = ("integration",)
    if wish.count("client"):
        waits = ("kubesphere",) if wish.kubesphere else waits
        why = "the job ends with it, and fails with its code"
        waits = (made.add("client", "The client takes the kubeconfig", why, takes("client-start"), *waits),)
    why = "the cluster is active (G-084)"
    if wish.kubesphere and not wish.count("client"):
        why += "; without a client nobody waits for KubeSphere"
    made.add("done", "All nodes are normal", why, takes("api-call"), *waits)
    if console_balancer(wish):
        _console(made)


def _client_first(made: Drafting, wish: ClusterState) -> None:
    """At 1.x: the client initialises first and makes the balancer; masters start, then workers, then the client."""
    client, title = takes("initialise-node"), "The client prepares"
    if api_balancer(wish):
        client += takes(*CONSOLE)
        title = "The client prepares and makes the API server's load balancer"
    made.add("client-init", title, "init order 1", client)
    took = takes("start-services", "kubeadm-init", "apply-network", "install-storage", "install-tiller")
    title = f"{counted(wish.count('master'), 'master')} make the control plane, network, storage, tiller"
    made.add("masters-init", title, "init order 2; master 1 adds what is shared", took, "client-init")
    title = f"{nodes(wish.count('worker'))} prepare to be workers"
    made.add("workers-init", title, "init order 2", takes("initialise-node"), "client-init")
    waits = ("masters-init", "workers-init")
    made.add("masters", "Masters start", "start order 1", takes("start-services"), *waits)
    why = "start order 2; they wait for the join token without any limit of their own"
    title = _workers(wish.count("worker"))
    made.add("workers", title, why, takes("start-services", "kubeadm-join"))
    parts = takes("apply-cloud-controller", "tiller-start")
    made.add("client", "The client installs the cloud controller, waits for tiller", "start order 3", parts)
    last = _kubesphere(made, wish, "client") if wish.kubesphere else "client"
    why = "the cluster is active (G-084); nobody waits for Ready"
    made.add("done", "All nodes are normal", why, takes("api-call"), last)
    if console_balancer(wish):
        _console(made)


def _workers(count: int) -> str:
    return f"{nodes(count)} {'joins as worker' if count == 1 else 'join as workers'}{together(count)}"


def _console(made: Drafting) -> None:
    why = "the console has a public address (G-050); the job does not wait for it"
    made.add("console", "The cloud controller gives the console a load balancer", why, takes(*CONSOLE), "kubesphere")


def _kubesphere(made: Drafting, wish: ClusterState, after: str) -> str:
    can = operations().can
    full = not can(wish.version, "modules")
    took = takes("launch-installer", "installer-pod-start")
    if full:
        took += takes("kubesphere-install-full")
    else:
        took += takes("kubesphere-install-minimal") + takes("kubesphere-install-module") * len(wish.modules)
        took += takes() if can(wish.version, "helm-3") else takes("tiller-start")  # At 1.x the client waits for it.
    version = catalog().version(wish.version).kubesphere
    extent = "all of it" if full else counted(len(wish.modules), "module") if wish.modules else "minimal (G-082)"
    why = "install_kubesphere is true (G-049)"
    if not full:
        why += "; what goes wrong has codes 128 to 132"
    return made.add("kubesphere", f"Install KubeSphere {version}: {extent}", why, took, after)
