"""The cloud controller manager of one cluster, in the small: Services of type LoadBalancer, the console's among them.

A balancer comes with a firewall of its own: group, rule, balancer, listeners, backends, apply, one call after another,
each at most once. What fails is told as an Event and tried again with back-off, from where it stopped. When the Service
goes, or becomes another type, the balancer goes, then the firewall. Nodes that come or go change the backends.
Rule: qingcloud-cloud-controller-manager; user guide, G-110 to G-115, G-148 to G-153.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from qke_core.catalog import catalog, networks
from qke_core.effects import Json
from qke_core.resources import Origin
from qke_sim.cloud import Cloud, Cluster, Outcome
from qke_sim.cloud.eip import eips_of
from qke_sim.cloud.loadbalancer import LoadBalancer, backends_of, listeners_of
from qke_sim.cloud.lookup import ABSENT
from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.kernel import Process
from qke_sim.kube.controllers import Controllers
from qke_sim.kube.notes import Notes
from qke_sim.kube.objects import KubeNode, Service, ServiceType
from qke_sim.kube.patience import Pace, Retries, ask
from qke_sim.kube.servicenumbers import give_numbers

PREFIX = "service.beta.kubernetes.io/qingcloud-load-balancer-"
EIP_IDS, TYPE, VXNET = (f"{PREFIX}{name}" for name in ("eip-ids", "type", "vxnet-id"))
CONSOLE_NAMESPACE, CONSOLE = "kubesphere-system", "ks-console"
BACKENDS_LEAST = 3
NOT_FOUND = 2100


@dataclass(slots=True)
class Balancing:
    """What a Service has in the cloud so far. `backends` are ids by instance, then by listener."""

    service: Service
    group_id: str = ""
    ruled: bool = False
    balancer_id: str = ""
    listeners: dict[int, str] = field(default_factory=dict[int, str])
    backends: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    applied: bool = False
    busy: bool = False


class Refused(Exception):
    """A call of a chain did not succeed."""

    def __init__(self, outcome: Outcome) -> None:
        """Keep what it came to."""
        super().__init__(outcome.message)
        self.outcome = outcome


class CloudController:
    """The balancers of one cluster's Services."""

    def __init__(self, controllers: Controllers, notes: Notes, cloud: Cloud, cluster: Cluster) -> None:
        """Begin without balancers."""
        self.retries = Retries(controllers.kernel)
        self._controllers = controllers
        self._kernel = controllers.kernel
        self._notes = notes
        self._cloud = cloud
        self._cluster = cluster
        self._by = f"{cluster.name} ccm"
        self._held: dict[str, Balancing] = {}

    def adopt(self) -> None:
        """Take over the balancers that have stood since before the run, by their labels."""
        store = self._cloud.store
        for service in self._controllers.objects.services:
            self._give_numbers(service)
            label, _ = self._label(service)
            balancer = next((b for b in store.all(LoadBalancer) if b.label == f"{label}lb"), None)
            if service.type != "LoadBalancer" or balancer is None or balancer.status in ABSENT:
                continue
            group = next((g for g in store.all(SecurityGroup) if g.label == f"{label}sg"), None)
            held = self._held[service.key] = Balancing(service, "" if group is None else group.id, ruled=True)
            held.balancer_id, held.applied = balancer.id, True
            for listener in listeners_of(store, balancer.id):
                held.listeners[listener.form.listener_port] = listener.id
                for backend in backends_of(store, listener.id):
                    held.backends.setdefault(backend.form.resource_id, []).append(backend.id)
            addresses = (*(eip.eip_addr for eip in eips_of(store, balancer.id)), balancer.private_ip)
            service.address = next((address for address in addresses if address), "")

    def expose_console(self, cause: int) -> None:
        """Give the console's Service the type that the parameter `kubesphere_eip` asks for."""
        self.apply(self.console(), cause)

    def console(self) -> Service:
        """Return the console's Service as the parameters want it: at a node port, or behind a balancer with an EIP."""
        eip, ports = str(self._cluster.env.values.get("kubesphere_eip") or ""), networks().constants
        type_: ServiceType = "LoadBalancer" if eip else "NodePort"
        annotations = {EIP_IDS: eip, TYPE: "0"} if eip else {}
        pairs = ((networks().console_service_port(self._cluster.version), ports["console_port"]),)
        return Service(CONSOLE_NAMESPACE, CONSOLE, {"app": CONSOLE}, type_, pairs, annotations)

    def withdraw_console(self, cause: int) -> None:
        """Delete the console's Service, as 1.x does before a cluster is deleted."""
        found = self._find(f"{CONSOLE_NAMESPACE}/{CONSOLE}")
        if found is not None:
            self.delete(found, cause)

    def apply(self, service: Service, cause: int) -> None:
        """Make a Service, or change the one of its name; other EIPs need another balancer."""
        old = self._find(service.key)
        services = self._controllers.objects.services
        if old is None:
            service.born_ms = self._kernel.now
            services.append(service)
        elif (old.type, old.ports, old.annotations) != (service.type, service.ports, service.annotations):
            service.cluster_ip, service.born_ms = old.cluster_ip, old.born_ms
            services[services.index(old)] = service
        else:
            return
        self._give_numbers(service)
        what, subject = "Service", f"{self._cluster.name}/{service.key}"
        self.settle(service.key, self._kernel.trace.add("object.applied", subject, cause, what=what))

    def delete(self, service: Service, cause: int) -> None:
        """A Service shall go; it is there until its balancer is gone."""
        service.deleting = True
        if service.key not in self._held:
            self._controllers.objects.services.remove(service)
        self.settle(service.key, cause)

    def nodes_changed(self, cause: int) -> None:
        """Nodes came or went: balancers get other backends."""
        for key in list(self._held):
            self.settle(key, cause)

    def settle(self, key: str, cause: int) -> None:
        """Do what a Service needs in the cloud, unless something is under way for it."""
        self._controllers.plane.when_works(lambda cause: self._settle(key, cause), cause)

    def _settle(self, key: str, cause: int) -> None:
        service, held = self._find(key), self._held.get(key)
        wanted = service is not None and service.type == "LoadBalancer" and not service.deleting
        if held is None and not wanted:
            return
        if held is None and service is not None:
            held = self._held[key] = Balancing(service)
        if held is None or held.busy:
            return
        stale = service is None or not wanted or service.annotations != held.service.annotations
        if stale:
            self._run(held, self._withdraw(held, cause))
        elif service is not None and not self._is_settled(held):
            held.service = service
            self._run(held, self._bring(held, cause))

    def _is_settled(self, held: Balancing) -> bool:
        return held.applied and set(held.backends) == {node.instance_id for node in self._nodes()}

    def _run(self, held: Balancing, work: Process[int]) -> None:
        """Work for a Service; what fails is told and planned again, what ends well is looked at once more."""
        held.busy = True
        key = held.service.key

        def go() -> Process[None]:
            try:
                seq = yield from work
            except Refused as refused:
                held.busy = False
                self._tell(key, refused.outcome)
                return
            held.busy = False
            self.retries.succeeded(key)
            self._notes.clear(key, "SyncLoadBalancerFailed")
            self.settle(key, seq)

        self._kernel.spawn(go())

    def _tell(self, key: str, outcome: Outcome) -> None:
        why = outcome.message or f"the job ended as {outcome.job_status}"
        message = f"Error syncing load balancer: {why}"
        seq = self._notes.warn(key, "SyncLoadBalancerFailed", message, "service-controller", outcome.cause)
        self.retries.failed(key, outcome, lambda cause: self.settle(key, cause or seq))

    # Making

    def _bring(self, held: Balancing, cause: int) -> Process[int]:
        """Make what is missing, in order; everything that is made is noted at once."""
        service = held.service
        label, origin = self._label(service)
        own: dict[str, Json] = {"_owner": self._cluster.name, "_origin": origin}
        name = f"k8s_lb_{self._cluster.id}_{service.namespace}_{service.name}"
        if not held.group_id:
            made = yield from self._do(
                "CreateSecurityGroup", {"security_group_name": name, **own, "_label": f"{label}sg"}, cause
            )
            held.group_id, cause = str(made.answer["security_group_id"]), made.cause
        if not held.ruled:
            cause = yield from self._open_ports(held, cause)
        if not held.balancer_id:
            where = self._where(service)
            params = {"loadbalancer_name": name, "security_group": held.group_id, **where, **own}
            made = yield from self._do("CreateLoadBalancer", {**params, "_label": f"{label}lb"}, cause, held)
            cause = made.cause
        cause = yield from self._listen(held, cause)
        cause = yield from self._serve(held, cause)
        if not held.applied:
            made = yield from self._do("UpdateLoadBalancers", {"loadbalancers": [held.balancer_id]}, cause)
            held.applied, cause = True, made.cause
        if not service.address:
            cause = yield from self._expose(held, cause)
        return cause

    def _open_ports(self, held: Balancing, cause: int) -> Process[int]:
        rules: list[Json] = [
            {"protocol": "tcp", "priority": 0, "rule_action": "accept", "val1": str(port), "val2": str(port)}
            for port, _ in held.service.ports
        ]
        params: dict[str, Json] = {"security_group": held.group_id, "rules": rules}
        made = yield from self._do("AddSecurityGroupRules", params, cause)
        held.ruled = True
        made = yield from self._do("ApplySecurityGroup", {"security_group": held.group_id}, made.cause)
        return made.cause

    def _where(self, service: Service) -> dict[str, Json]:
        """Return the address that a balancer shall have, and its figures."""
        notes = service.annotations
        eips = [eip.strip() for eip in notes.get(EIP_IDS, "").split(",") if eip.strip()]
        figures: dict[str, Json] = {"loadbalancer_type": notes.get(TYPE) or "0", "mode": 1, "node_count": 2}
        if eips:
            return {"eips": list[Json](eips), **figures}
        return {"vxnet": notes.get(VXNET, "") or self._cluster.vxnet, **figures}

    def _listen(self, held: Balancing, cause: int) -> Process[int]:
        for port, _ in held.service.ports:
            if port in held.listeners:
                continue
            name = f"listener_{held.service.namespace}_{held.service.name}_{port}"
            listener: dict[str, Json] = {
                "listener_port": port,
                "listener_protocol": "tcp",
                "backend_protocol": "tcp",
                "loadbalancer_listener_name": name,
            }
            params: dict[str, Json] = {"loadbalancer": held.balancer_id, "listeners": [listener]}
            made = yield from self._do("AddLoadBalancerListeners", params, cause)
            held.listeners[port] = _ids(made, "loadbalancer_listeners")[0]
            held.applied, cause = False, made.cause
        return cause

    def _serve(self, held: Balancing, cause: int) -> Process[int]:
        """Make the backends those nodes that should serve now."""
        wanted = [node.instance_id for node in self._nodes()]
        for gone in [name for name in held.backends if name not in wanted]:
            params: dict[str, Json] = {"loadbalancer_backends": list[Json](held.backends[gone])}
            made = yield from self._do("DeleteLoadBalancerBackends", params, cause, forgive=(NOT_FOUND,))
            del held.backends[gone]
            held.applied, cause = False, made.cause
        for name in [name for name in wanted if name not in held.backends]:
            found: list[str] = []
            for port, node_port in held.service.ports:
                backend: dict[str, Json] = {"resource_id": name, "port": node_port, "weight": 1}
                params = {"loadbalancer_listener": held.listeners[port], "backends": [backend]}
                made = yield from self._do("AddLoadBalancerBackends", params, cause)
                found.extend(_ids(made, "loadbalancer_backends"))
                cause = made.cause
            held.backends[name], held.applied = found, False
        return cause

    def _expose(self, held: Balancing, cause: int) -> Process[int]:
        """Read the address that the balancer has, and put it on the Service."""
        params: dict[str, Json] = {"loadbalancers": [held.balancer_id]}
        made = yield from self._do("DescribeLoadBalancers", params, cause)
        shown = cast("Sequence[Mapping[str, Json]]", made.answer["loadbalancer_set"])[0]
        eips = cast("Sequence[Mapping[str, Json]]", shown.get("cluster") or ())
        inner = cast("Sequence[Json]", shown.get("private_ips") or ())
        held.service.address = next((str(address) for address in (*(eip["eip_addr"] for eip in eips), *inner)), "")
        subject = f"{self._cluster.name}/{held.service.key}"
        return self._kernel.trace.add("service.exposed", subject, made.cause, balancer=held.balancer_id)

    # Taking away

    def _withdraw(self, held: Balancing, cause: int) -> Process[int]:
        key = held.service.key
        if held.balancer_id:
            params: dict[str, Json] = {"loadbalancers": [held.balancer_id]}
            made = yield from self._do("DeleteLoadBalancers", params, cause, forgive=(NOT_FOUND,))
            held.balancer_id, cause = "", made.cause
        if held.group_id:
            params = {"security_groups": [held.group_id]}
            made = yield from self._do("DeleteSecurityGroups", params, cause, forgive=(NOT_FOUND,))
            held.group_id, cause = "", made.cause
        del self._held[key]
        service = self._find(key)
        if service is not None and service.deleting:
            self._controllers.objects.services.remove(service)
        return self._kernel.trace.add("service.withdrawn", f"{self._cluster.name}/{key}", cause)

    def _do(
        self,
        action: str,
        params: Mapping[str, Json],
        cause: int,
        held: Balancing | None = None,
        forgive: Sequence[int] = (),
    ) -> Process[Outcome]:
        """Make one call and wait for its job; the new balancer's id goes to `held` even when that takes too long.

        Raises:
            Refused: when it does not succeed, unless its code is in `forgive`.
        """
        facts = catalog()
        pace = Pace(facts.constant("ccm_job_interval_ms"), facts.constant("ccm_job_timeout_ms"))
        outcome = yield from ask(self._cloud, action, params, self._by, cause, pace)
        if held is not None and outcome.answer.get("loadbalancer_id"):
            held.balancer_id = str(outcome.answer["loadbalancer_id"])
        if outcome.failed and outcome.ret_code not in forgive:
            raise Refused(outcome)
        return outcome

    # Questions

    def _find(self, key: str) -> Service | None:
        return next((found for found in self._controllers.objects.services if found.key == key), None)

    def _nodes(self) -> list[KubeNode]:
        """Return the nodes that serve: a third of the workers, three at least; masters where there are no workers."""
        workers = {node.alias for node in self._cluster.of_kind("worker")}
        nodes = sorted(self._controllers.nodes.values(), key=lambda node: node.name)
        found = [node for node in nodes if node.alias in workers and not node.fresh]
        return found[: max(BACKENDS_LEAST, len(found) // 3)] or nodes

    def _label(self, service: Service) -> tuple[str, Origin]:
        """Return the beginning of the labels of what a Service has, and why it is there."""
        if (service.namespace, service.name) == (CONSOLE_NAMESPACE, CONSOLE):
            return f"{self._cluster.name}/console-", "console"
        return f"{self._cluster.name}/workload/{service.key}-", "workload"

    def _give_numbers(self, service: Service) -> None:
        give_numbers(service, self._controllers.objects.services, self._cluster.env.text("service_subnet"))


def _ids(outcome: Outcome, name: str) -> list[str]:
    return [str(item) for item in cast("Sequence[Json]", outcome.answer[name])]
