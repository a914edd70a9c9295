"""Stages of a creation (QKE app repo, services start and init of each version; docs/rules/operations.md#create)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qke_core.catalog import catalog, operations
from qke_core.inventory import api_balancer, console_balancer
from qke_core.models.state import ClusterState
from qke_core.plan.change import Create
from qke_core.plan.schedule import Interval, Schedule
from qke_core.plan.stages.draft import Drafting, counted, nodes, together
from qke_core.plan.times import scripted, span, steps_of, takes

CONSOLE = ("security-group-apply", "lb-create", "lb-update")
PODS = ("volume-create", "volume-attach", "image-pull", "pod-start")
"""What it takes at most until a part of KubeSphere runs with the volume that it claims."""
NEW = ("fresh-cluster", "creating")
"""What holds on every node of a new cluster."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "first-master": ("check-local-dns", "kubeadm-init", "share-join-command", "share-kubeconfig"),
    "masters": ("wait-join-file", "join-as-master"),
    "balancer": ("wait-masters-joined", "wait-lb-job", "wait-lb-file"),
    "certificates": ("certify-lb-address", "wait-lb-certificates"),
    "network": (
        *("set-kube-proxy-log-level", "create-cloud-secret", "apply-network", "install-tiller", "patch-coredns"),
        *("read-hostnic-status", "warm-up-dns"),
    ),
    "taint": ("remove-master-taint",),
    "ready": ("wait-nodes-ready",),
    "integration": ("apply-cloud-controller", "replace-storage", "delete-tokens"),
    "kubesphere": ("start-installer-job",),
    "done": ("annotate-node",),
}
"""Which steps of a master's init each stage stands for."""


def create(change: Create, before: ClusterState) -> Schedule:
    """From nothing to a cluster whose nodes are all normal; with KubeSphere, until its installer is done."""
    _ = before
    wish, made = change.wish, Drafting()
    total = wish.count("master", "worker", "client")
    title = f"Run {nodes(total)} with data disks{together(total)}"
    made.add("machines", title, "everything else happens on them", machines())
    if operations().init_order(wish.version)[0] == ("client",):
        _client_first(made, wish)
    else:
        _services_first(made, wish)
    return made.end()


def _services_first(made: Drafting, wish: ClusterState) -> None:
    """From 2.0.0 on: services of all nodes start, then masters and workers initialise together, then the client."""
    took = scripted("start", wish, "master", "fresh-node")
    made.add("start", "Start services on masters and workers", "docker, kubelet and etcd come before kubeadm", took)
    if wish.count("client"):
        made.add("start-client", "Start the client", "start order 2", scripted("start", wish, "client"))
    begun = "start-client" if wish.count("client") else "start"
    joined = _masters(made, wish, begun)
    _network(made, wish, joined)
    waits = ["taint" if not wish.count("worker") else "network"]
    if wish.count("worker"):
        workers = _workers(wish.count("worker"))
        gpu = wish.shape["node_gpu"].count
        why = f"pods run on workers; {nodes(gpu, 'node_gpu')} get the NVIDIA plugin" if gpu else "pods run on workers"
        waits.append(made.add("workers", workers, why, scripted("init", wish, "worker", *NEW), *joined))
    why = "what follows needs them; a cordoned node does not count"
    took = Interval(0, takes("node-network-start").max_ms) + _part("ready", wish)  # It begins with the network.
    made.add("ready", "Wait until all nodes are Ready", why, took, *waits)
    parts = _part("integration", wish)
    made.add("integration", "Cloud controller, CSI driver, storage classes", "volumes and balancers (G-006)", parts)
    if wish.kubesphere:
        _kubesphere(made, wish, "integration")
        if not wish.count("client"):
            made.outside()
    _end(made, wish)


def _masters(made: Drafting, wish: ClusterState, begun: str) -> Sequence[str]:
    """Add what makes the control plane; return the stages after which others may join it."""
    dns = catalog().has_budget("local-dns", wish.version)
    guard = f"{begun} ended; the node's DNS resolves the API server (else code 143)" if dns else ""
    made.add(
        "first-master",
        "kubeadm init on master 1",
        "the first master makes the cluster",
        _part("first-master", wish),
        begun,
        guard=guard,
    )
    last = "first-master"
    if wish.ha:
        last = made.add(
            "masters", "Masters 2 and 3 join", "three masters (G-185)", _part("masters", wish, "other-master"), last
        )
    if not api_balancer(wish):
        return (last,)
    why = "three masters (G-030)" if wish.ha else "an EIP for the API server"
    title = "Create the API server's load balancer and its security group"
    took = _balancer(wish) + _part("balancer", wish)
    made.add("balancer", title, f"{why}; a call that fails ends in code 133", took, begun)
    why = "who asks the load balancer must be able to trust the answer"
    took = _part("certificates", wish) + takes("sighup")
    title = "The API server's certificate gets the balancer's address"
    return (made.add("certificates", title, why, took, last, "balancer"),)


def _network(made: Drafting, wish: ClusterState, joined: Sequence[str]) -> None:
    plugin = str(wish.settings.values.get("network_plugin", "calico"))
    title = f"Network plugin {plugin} and DNS"
    if not operations().can(wish.version, "helm-3"):
        title = f"Network plugin {plugin}, tiller and DNS"
    guard = f"{', '.join(joined)} ended"
    if plugin == "hostnic":
        guard += "; its vxnets are there, enough and in the VPC (else codes 139 to 142)"
    took = _part("network", wish)
    made.add("network", title, "nodes are Ready only with a network", took, *joined, guard=guard)
    if not wish.count("worker"):
        why = "there are no workers: pods run on masters (G-182)"
        made.add("taint", "Masters drop their taint", why, _part("taint", wish), "network")


def _end(made: Drafting, wish: ClusterState) -> None:
    """Add the client, which ends the job, and what the job does not wait for."""
    waits = ("integration",)
    if wish.count("client"):
        waits = ("kubesphere",) if wish.kubesphere else waits
        why = "the job ends with it, and fails with its code"
        took = scripted("init", wish, "client", *NEW)
        waits = (made.add("client", "The client takes the kubeconfig", why, took, *waits),)
    why = "the cluster is active (G-084)"
    if wish.kubesphere and not wish.count("client"):
        why += "; without a client nobody waits for KubeSphere"
    made.add("done", "All nodes are normal", why, _part("done", wish) + Interval(0, takes("api-call").max_ms), *waits)
    if console_balancer(wish):
        _console(made)


def _client_first(made: Drafting, wish: ClusterState) -> None:
    """At 1.x: the client initialises first and makes the balancer; masters start, then workers, then the client."""
    client, title = scripted("init", wish, "client", "fresh-node"), "The client prepares"
    if api_balancer(wish):
        client += _balancer(wish)
        title = "The client prepares and makes the API server's load balancer"
    made.add("client-init", title, "init order 1", client)
    took = scripted("init", wish, "master", "fresh-node")
    title = f"{counted(wish.count('master'), 'master')} make the control plane, network, storage, tiller"
    made.add("masters-init", title, "init order 2; master 1 adds what is shared", took, "client-init")
    title = f"{nodes(wish.count('worker'))} prepare to be workers"
    made.add("workers-init", title, "init order 2", scripted("init", wish, "worker", "fresh-node"), "client-init")
    waits = ("masters-init", "workers-init")
    made.add("masters", "Masters start", "start order 1", scripted("start", wish, "master"), *waits)
    why = "start order 2; they wait for the join token without any limit of their own"
    title = _workers(wish.count("worker"))
    made.add("workers", title, why, scripted("start", wish, "worker", "not-joined"))
    parts = scripted("start", wish, "client", "not-installed").beside(Interval(0, takes("tiller-start").max_ms))
    made.add("client", "The client installs the cloud controller, waits for tiller", "start order 3", parts)
    last = _kubesphere(made, wish, "client") if wish.kubesphere else "client"
    why = "the cluster is active (G-084); nobody waits for Ready"
    made.add("done", "All nodes are normal", why, Interval(0, takes("api-call").max_ms), last)
    if console_balancer(wish):
        _console(made)


def _workers(count: int) -> str:
    return f"{nodes(count)} {'joins as worker' if count == 1 else 'join as workers'}{together(count)}"


def _console(made: Drafting) -> None:
    why = "the console has a public address (G-050); the job does not wait for it"
    made.add(
        "console",
        "The cloud controller gives the console a load balancer",
        why,
        takes(*CONSOLE),
        "kubesphere",
    )
    made.outside()


def machines() -> Interval:
    """Return how long it takes until new machines with their data disks are up: they boot while disks are attached."""
    attached = takes("instance-run").beside(takes("volume-create")) + takes("api-call", "volume-attach")
    return takes("api-call") + (takes("instance-run", "host-boot").beside(attached))


def modules(count: int) -> Interval:
    """Return how long the installer takes for so many modules: it waits until the parts of the last run too."""
    each = takes("kubesphere-install-module")
    return each * (count - 1) + each.beside(takes(*PODS)) if count else takes()


def _part(stage: str, wish: ClusterState, *words: str) -> Interval:
    """Return how long the steps of one stage take on a master."""
    steps = steps_of("init", wish, "master", *NEW, *words)
    return span([step for step in steps if step.do in PARTS[stage]], wish.version)


def _balancer(wish: ClusterState) -> Interval:
    """Return how long the API server's balancer takes: its calls, its jobs, and the looks at them."""
    calls = takes("api-call") * (8 + wish.count("master"))
    settled = takes("lb-create")
    looks = [name for name in ("lb-active", "lb-applied") if catalog().has_budget(name, wish.version)]
    if not wish.version.startswith("1."):
        settled = settled.beside(takes("lb-settle"))
    seen = Interval(0, sum(catalog().budget(name, wish.version).interval_ms for name in looks))
    address = takes("eip-associate") if wish.settings.values.get("kubernetes_eip_id") else takes()
    return calls + takes("security-group-apply") + settled + seen + takes("lb-update") + address


def _kubesphere(made: Drafting, wish: ClusterState, after: str) -> str:
    can = operations().can
    full = not can(wish.version, "modules")
    took = takes("installer-pod-start") + (takes() if full else _part("kubesphere", wish))
    if full:
        took += takes("kubesphere-install-full").beside(takes(*PODS)) + Interval(0, takes(*PODS).max_ms)
    else:
        took += takes("kubesphere-install-minimal").beside(takes(*PODS)) + modules(len(wish.modules))
        took += takes() if can(wish.version, "helm-3") else Interval(0, takes("tiller-start").max_ms)  # Long begun.
    version = catalog().version(wish.version).kubesphere
    extent = "all of it" if full else counted(len(wish.modules), "module") if wish.modules else "minimal (G-082)"
    why = "install_kubesphere is true (G-049)"
    if not full:
        why += "; what goes wrong has codes 128 to 132"
    return made.add("kubesphere", f"Install KubeSphere {version}: {extent}", why, took, after)
