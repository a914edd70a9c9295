"""Load balancers of Services, the console's above all: made, refused, followed, taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from qke_sim.cloud.eip import Eip
from qke_sim.cloud.loadbalancer import LoadBalancer
from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import PodTemplate, Resources, Service, Workload
from qke_sim.kube.ccm import PREFIX, CloudController
from qke_sim.twin import Twin

CONSOLE = "kubesphere-system/ks-console"
WAIT_MS = 20 * 60_000


@dataclass
class Shop:
    """A cluster, and what its Services have in the cloud."""

    twin: Twin
    site: Site

    def wait(self, ms: int = WAIT_MS) -> None:
        kernel = self.site.kernel
        kernel.later(ms, lambda: None)
        end = kernel.now + ms
        while kernel.env.peek() <= end:
            kernel.env.step()

    def service(self, key: str = CONSOLE) -> Service:
        return next(found for found in self.site.kube.objects.services if found.key == key)

    def balancers(self) -> list[LoadBalancer]:
        found = self.twin.cloud.store.all(LoadBalancer)
        return [b for b in found if b.origin in ("console", "workload") and b.status not in ("deleted", "ceased")]

    def groups(self) -> list[SecurityGroup]:
        found = self.twin.cloud.store.all(SecurityGroup)
        return [g for g in found if g.origin in ("console", "workload") and g.status != "ceased"]

    def set_eip(self, eip: str) -> None:
        env = self.site.cluster.env
        self.site.cluster.env = type(env)(env.version, {**env.values, "kubesphere_eip": eip})
        self.controller.expose_console(0)

    @property
    def controller(self) -> CloudController:
        assert self.site.kube.cloud_controller is not None
        return self.site.kube.cloud_controller

    def behind(self) -> list[str]:
        """Return the instances that serve behind the one balancer, as applied."""
        (balancer,) = self.balancers()
        return [backend.resource_id for listener in balancer.in_effect.listeners for backend in listener.backends]

    def instances(self) -> list[str]:
        return [node.instance_id for node in self.site.kube.nodes.values() if node.alias.startswith("node")]


@pytest.fixture
def shop(kernel: Kernel, new_shop: Callable[..., Shop]) -> Shop:
    return new_shop()


@pytest.fixture
def new_shop(kernel: Kernel, twin_of: Callable[..., Twin]) -> Callable[..., Shop]:
    def make(**env: Any) -> Shop:
        roles = {"node_perf": {"count": 3}, "node_super_perf": {"count": 0}}
        twin = twin_of(kernel, {"name": "shop", "version": "3.3.0", "roles": roles, "env": env})
        for name in ("eip-1", "eip-2"):
            twin.cloud.store.place(Eip(id=name, status="available", eip_addr="139.198.0.1"))
        return Shop(twin, twin.site("shop"))

    return make


@pytest.mark.guide("G-110")
def test_without_an_eip_the_console_is_a_node_port(shop: Shop) -> None:
    """G-110: without console EIP the console is a NodePort service on 30880."""
    assert (shop.service().type, shop.service().ports) == ("NodePort", ((80, 30880),))
    assert shop.balancers() == []
    assert shop.site.kube.serves("node_perf1", 30880)
    assert not shop.site.kube.serves("node_perf1", 30881)


def test_a_node_port_answers_while_kube_proxy_and_a_pod_behind_it_do(shop: Shop) -> None:
    console = shop.site.kube.workload(CONSOLE)
    assert console is not None
    shop.site.stop_kubelet("node_perf1", 0)
    assert not shop.site.kube.serves("node_perf1", 30880)
    assert shop.site.kube.serves("node_perf2", 30880)
    shop.site.kube.scale(console, 0, 0)
    assert not shop.site.kube.serves("node_perf2", 30880)


def test_with_an_eip_the_console_gets_a_balancer_with_its_firewall_listener_and_backends(shop: Shop) -> None:
    shop.set_eip("eip-1")
    shop.wait()
    (balancer,), (group,) = shop.balancers(), shop.groups()
    assert (balancer.label, balancer.owner, balancer.status) == ("shop/console-lb", "shop", "active")
    assert (group.label, balancer.security_group_id) == ("shop/console-sg", group.id)
    assert [form.val1 for form in group.in_effect] == ["80"]
    (listener,) = balancer.in_effect.listeners
    assert listener.form.listener_port == 80
    assert sorted(shop.behind()) == sorted(shop.instances())
    assert {backend.port for backend in listener.backends} == {30880}
    assert shop.twin.cloud.store.get(Eip, "eip-1").resource_id == balancer.id
    assert shop.service().address


def test_another_eip_brings_another_balancer_and_none_takes_it_away(shop: Shop) -> None:
    shop.set_eip("eip-1")
    shop.wait()
    (first,) = shop.balancers()
    shop.set_eip("eip-2")
    shop.wait()
    (second,) = shop.balancers()
    assert first.id != second.id
    assert shop.twin.cloud.store.get(Eip, "eip-1").resource_id == ""
    shop.set_eip("")
    shop.wait()
    assert (shop.balancers(), shop.groups(), shop.service().type) == ([], [], "NodePort")


def test_an_exhausted_quota_leaves_the_service_pending_with_an_event_and_room_ends_it(shop: Shop) -> None:
    allowance = shop.twin.cloud.allowance
    allowance.limits["loadbalancer"] = allowance.used["loadbalancer"]
    shop.set_eip("eip-1")
    shop.wait(3_600_000)
    assert shop.balancers() == []
    (event,) = shop.site.kube.events
    assert event.reason == "SyncLoadBalancerFailed"
    assert "QuotasExceeded" in event.message
    allowance.limits["loadbalancer"] += 1
    shop.site.kube.wake(0)
    shop.wait()
    assert len(shop.balancers()) == len(shop.groups()) == 1


def test_the_balancer_of_a_standing_cluster_is_known_and_goes_with_the_service(new_shop: Callable[..., Shop]) -> None:
    shop = new_shop(kubesphere_eip="eip-1")
    (balancer,) = shop.balancers()
    assert balancer.label == "shop/console-lb"
    shop.wait()
    assert shop.balancers() == [balancer]
    shop.controller.withdraw_console(0)
    shop.wait()
    assert (shop.balancers(), shop.groups()) == ([], [])
    assert CONSOLE not in [service.key for service in shop.site.kube.objects.services]


@pytest.mark.guide("G-148")
def test_a_service_of_type_load_balancer_gets_one_in_the_private_network(shop: Shop) -> None:
    """G-148: the CCM integrates Kubernetes Services with load balancers."""
    template = PodTemplate({"app": "web"}, Resources(100, 2**28, 1), {}, ())
    shop.site.kube.apply(Workload("Deployment", "shop", "web", 2, template), 0)
    shop.site.kube.apply_service(Service("shop", "web", {"app": "web"}, "LoadBalancer", ((8080, 0),)), 0)
    shop.wait()
    (balancer,) = shop.balancers()
    assert (balancer.origin, balancer.label) == ("workload", "shop/workload/shop/web-lb")
    assert balancer.private_ip == shop.service("shop/web").address
    ((_, node_port),) = shop.service("shop/web").ports
    assert 30_000 <= node_port < 32_768
    shop.site.kube.delete_service(shop.service("shop/web"), 0)
    shop.wait()
    assert (shop.balancers(), shop.groups()) == ([], [])


WEB = "shop/web"


def expose(shop: Shop, **annotations: str) -> None:
    """Make a web tier and a Service of type LoadBalancer with the annotations that the guide names."""
    template = PodTemplate({"app": "web"}, Resources(100, 2**28, 1), {}, ())
    shop.site.kube.apply(Workload("Deployment", "shop", "web", 2, template), 0)
    notes = {f"{PREFIX}{name.replace('_', '-')}": value for name, value in annotations.items()}
    shop.site.kube.apply_service(Service("shop", "web", {"app": "web"}, "LoadBalancer", ((8080, 0),), notes), 0)
    shop.wait()


def warnings(shop: Shop) -> list[str]:
    return [event.message for event in shop.site.kube.events if event.reason == "SyncLoadBalancerFailed"]


@pytest.mark.guide("G-150", "G-151")
@pytest.mark.parametrize("kind", range(6))
def test_an_annotation_chooses_the_type_as_create_load_balancer_does(shop: Shop, kind: int) -> None:
    """G-150, G-151: 0 to 5."""
    expose(shop, type=str(kind), eip_ids="eip-1")
    (balancer,) = shop.balancers()
    assert (balancer.loadbalancer_type, balancer.status) == (kind, "active")
    assert shop.service(WEB).address == "139.198.0.1"


@pytest.mark.guide("G-151")
@pytest.mark.parametrize("kind", ["6", "-1", "gold"])
def test_another_type_is_refused_by_create_load_balancer_and_told(shop: Shop, kind: str) -> None:
    """G-151: the same values, and no others."""
    expose(shop, type=kind)
    assert shop.balancers() == []
    (why,) = warnings(shop)
    assert f"invalid value [{kind}] of parameter [loadbalancer_type]" in why


@pytest.mark.guide("G-150")
def test_a_service_of_another_type_gets_none_whatever_its_annotations(shop: Shop) -> None:
    """G-150: type and annotations."""
    notes = {f"{PREFIX}eip-ids": "eip-1"}
    shop.site.kube.apply_service(Service("shop", "web", {"app": "web"}, "NodePort", ((8080, 0),), notes), 0)
    shop.wait()
    assert shop.balancers() == []


@pytest.mark.guide("G-008", "G-152")
def test_four_addresses_make_a_public_balancer(shop: Shop) -> None:
    """G-152: the balancer is made by itself, with all the EIPs that the annotation names; spaces do not matter."""
    more_eips(shop)
    expose(shop, eip_ids="eip-1, eip-2,eip-3,eip-4")
    (balancer,) = shop.balancers()
    eips = [shop.twin.cloud.store.get(Eip, f"eip-{number}") for number in range(1, 5)]
    assert {(eip.status, eip.resource_id) for eip in eips} == {("associated", balancer.id)}
    assert balancer.private_ip == ""


@pytest.mark.guide("G-152")
def test_five_addresses_are_too_many(shop: Shop) -> None:
    """G-152: 4 at most."""
    more_eips(shop)
    expose(shop, eip_ids="eip-1,eip-2,eip-3,eip-4,eip-5")
    assert shop.balancers() == []
    assert "[4] public IPs at most" in warnings(shop)[0]


@pytest.mark.guide("G-152")
def test_an_address_that_is_not_available_keeps_the_service_waiting_until_it_is(shop: Shop) -> None:
    """G-152: the EIPs must be available."""
    eip = shop.twin.cloud.store.get(Eip, "eip-1")
    shop.twin.cloud.store.change(eip, 0, status="associated", resource_id="i-other")
    expose(shop, eip_ids="eip-1")
    assert shop.balancers() == []
    assert "public IP [eip-1] is not available" in warnings(shop)[0]
    shop.twin.cloud.store.change(eip, 0, status="available", resource_id="")
    shop.site.kube.wake(0)
    shop.wait()
    assert len(shop.balancers()) == 1
    assert shop.service(WEB).address == "139.198.0.1"


def more_eips(shop: Shop) -> None:
    for number in (3, 4, 5):
        shop.twin.cloud.store.place(Eip(id=f"eip-{number}", status="available", eip_addr=f"139.198.0.{number}"))


def test_a_node_that_goes_is_no_backend_any_more(shop: Shop) -> None:
    shop.set_eip("eip-1")
    shop.wait()
    gone = shop.site.kube.nodes["node_perf3"].instance_id
    shop.site.kube.remove_node("node_perf3", 0)
    shop.wait()
    assert gone not in shop.behind()
    assert sorted(shop.behind()) == sorted(shop.instances())
