"""What gets where in a twin: routes through whatever its cloud and hosts are now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from qke_core.models import World
from qke_sim.access import network_view, reach
from qke_sim.cloud.loadbalancer import api_balancer
from qke_sim.cloud.router import Router
from qke_sim.hosts.tabs import console, kubeconfig
from qke_sim.kernel import Kernel, Process
from qke_sim.kube import PodTemplate, Resources, Service, Workload
from qke_sim.kube.ccm import EIP_IDS, TYPE
from qke_sim.populate.network import vxnet_of
from qke_sim.twin import Twin

VPC_IP, LB_IP, CONSOLE_IP = "139.198.190.141", "139.198.186.186", "139.198.190.142"
CLUSTER = {"name": "shop", "version": "2.0.0", "express": "standard prod", "vxnet": "vxnet-shop001"}
Finish = Callable[[Kernel, Process[Any]], Any]


def make(
    kernel: Kernel,
    *,
    env: dict[str, object] | None = None,
    vpc: dict[str, object] | None = None,
    bound_to: str = "",
    **cluster: Any,
) -> Twin:
    """An HA cluster in a VPC with a public address; 16443 leads to the API server, 30880 to a worker."""
    wish = {**CLUSTER, "env": env or {}, **cluster}
    document = {
        "zone": "pek3",
        "vpcs": [
            {
                "id": "rtr-shop0001",
                "network": "192.168.0.0/16",
                "eip": "eip-vpc00001",
                "open_ports": ["16443", "30880"],
                "forwards": [
                    {"port": 16443, "to": "192.168.10.253", "to_port": 6443},
                    {"port": 30880, "to": "192.168.10.5", "to_port": 30880},
                ],
                "vxnets": [{"id": "vxnet-shop001", "network": "192.168.10.0/24"}],
                **(vpc or {}),
            }
        ],
        "eips": [
            {"id": "eip-vpc00001", "address": VPC_IP},
            {"id": "eip-lb000001", "address": LB_IP, "bound_to": bound_to},
            {"id": "eip-console1", "address": CONSOLE_IP, "icp": True},
        ],
        "clusters": [wish],
    }
    twin = Twin(kernel, World.model_validate_json(json.dumps(document)), {})
    twin.start(0)
    return twin


@pytest.fixture
def ask(kernel: Kernel, finished: Finish) -> Callable[..., dict[str, Any]]:
    def call(twin: Twin, action: str, **params: Any) -> dict[str, Any]:
        answer = finished(kernel, twin.cloud.call(action, params, "user", 0))
        assert answer["ret_code"] == 0, answer
        return answer

    return call


@pytest.mark.guide("G-096", "G-098", "G-099")
def test_the_api_server_of_an_ha_cluster_is_reached_through_the_vpc(kernel: Kernel) -> None:
    """G-098: the balancer's name is the cluster's id, and the forwarding leads to its address."""
    twin = make(kernel)
    balancer = api_balancer(twin.cloud.store, "shop")
    assert balancer is not None
    assert (balancer.name, balancer.private_ip) == (twin.site("shop").cluster.id, "192.168.10.253")
    assert reach(twin, "internet", f"{VPC_IP}:16443").reached
    assert reach(twin, "internet", f"{VPC_IP}:6443").blocked_by == "firewall"


@pytest.mark.guide("G-097")
def test_the_api_server_of_one_master_is_reached_at_its_own_address(kernel: Kernel) -> None:
    forwards = [{"port": 16443, "to": "192.168.10.2", "to_port": 6443}]
    twin = make(kernel, express="standard test", vpc={"forwards": forwards})
    assert twin.site("shop").hosts["master1"].node.private_ip == "192.168.10.2"
    assert reach(twin, "internet", f"{VPC_IP}:16443").reached


@pytest.mark.guide("G-099")
def test_forwarding_made_by_calls_works_once_rule_and_port_are_applied(
    kernel: Kernel, ask: Callable[..., dict[str, Any]]
) -> None:
    """Each of the guide's steps opens the next hop; nothing has an effect before it is applied."""
    twin = make(kernel, vpc={"open_ports": [], "forwards": []})
    target, group = f"{VPC_IP}:16443", twin.cloud.store.get(Router, "rtr-shop0001").security_group_id
    assert reach(twin, "internet", target).blocked_by == "firewall"
    rule = {"priority": 1, "protocol": "tcp", "rule_action": "accept", "val1": "16443", "val2": "16443"}
    ask(twin, "AddSecurityGroupRules", security_group=group, rules=[rule])
    blocked = reach(twin, "internet", target).blocked
    assert blocked is not None
    assert blocked.remedy.startswith(f"apply what was edited: ApplySecurityGroup {group}")
    ask(twin, "ApplySecurityGroup", security_group=group)
    assert reach(twin, "internet", target).blocked_by == "forwarding"
    static = {"static_type": 1, "val1": "16443", "val2": "192.168.10.253", "val3": "6443"}
    ask(twin, "AddRouterStatics", router="rtr-shop0001", statics=[static])
    assert reach(twin, "internet", target).blocked_by == "forwarding"
    ask(twin, "UpdateRouters", routers=["rtr-shop0001"])
    assert reach(twin, "internet", target).reached


@pytest.mark.guide("G-095", "G-100", "G-103")
def test_an_address_bound_to_the_balancer_leads_to_the_api_server(
    kernel: Kernel, ask: Callable[..., dict[str, Any]]
) -> None:
    twin = make(kernel)
    balancer = api_balancer(twin.cloud.store, "shop")
    assert balancer is not None
    assert reach(twin, "internet", f"{LB_IP}:6443").blocked_by == "eip"
    ask(twin, "AssociateEipsToLoadBalancer", loadbalancer=balancer.id, eips=["eip-lb000001"])
    assert reach(twin, "internet", f"{LB_IP}:6443").reached


@pytest.mark.guide("G-100", "G-103")
def test_an_address_that_a_world_binds_to_the_clusters_balancer_leads_there_too(kernel: Kernel) -> None:
    """A World lists no balancers: the address in `kubernetes_eip` is on the cluster's own."""
    twin = make(kernel, env={"kubernetes_eip": LB_IP}, bound_to="lb-a1b2c3d4")
    assert reach(twin, "internet", f"{LB_IP}:6443").reached


@pytest.mark.guide("G-110", "G-111", "G-113", "G-114")
def test_the_console_without_an_address_of_its_own_is_at_its_node_port(
    kernel: Kernel, new_kernel: Callable[..., Kernel]
) -> None:
    """G-111: on any node but the client; G-113: the VPC's firewall must let it in."""
    twin = make(kernel)
    assert reach(twin, "internet", f"{VPC_IP}:30880").reached
    for host in twin.site("shop").hosts.values():
        route = reach(twin, "192.168.10.200", f"{host.subject}:30880")
        assert route.reached == (host.node.role_kind != "client"), host.subject
    shut = make(new_kernel(), vpc={"open_ports": ["16443"]})
    assert reach(shut, "internet", f"{VPC_IP}:30880").blocked_by == "firewall"


def test_the_console_with_an_address_of_its_own_is_behind_a_balancer(kernel: Kernel) -> None:
    twin = make(kernel, env={"kubesphere_eip": "eip-console1"})
    route = reach(twin, "internet", f"{CONSOLE_IP}:80")
    assert route.reached, route
    assert "balancer" in [hop.kind for hop in route.hops]


@pytest.mark.guide("G-149")
def test_the_console_behind_a_balancer_is_at_its_services_port_by_version(
    kernel: Kernel, new_kernel: Callable[..., Kernel]
) -> None:
    """1.x: 30880 inside and outside. From 2.0.0 on 80, which an address without an ICP filing does not let in."""
    old = make(kernel, version="1.0.1", express="Prod", env={"kubesphere_eip": "eip-lb000001"})
    assert reach(old, "internet", f"{LB_IP}:30880").reached
    new = make(new_kernel(), env={"kubesphere_eip": "eip-lb000001"})
    blocked = reach(new, "internet", f"{LB_IP}:80").blocked
    assert blocked is not None
    assert (blocked.kind, "ICP" in blocked.why) == ("eip", True)
    assert reach(new, "shop/client1", f"{LB_IP}:80").reached


def server_of(twin: Twin) -> str:
    """What the kubeconfig of the cluster's page says."""
    [[text]] = kubeconfig(twin.site("shop"))
    found = re.search(r"server: https://(\S+)", text)
    assert found is not None
    return found[1]


@pytest.mark.guide("G-101", "G-102")
def test_the_kubeconfig_shows_a_server_that_leads_there_through_the_vpc(kernel: Kernel) -> None:
    """From 3.0.0 on the page knows the port; the address must be in the parameters (G-093)."""
    env: dict[str, object] = {"kubernetes_eip": VPC_IP, "kubernetes_eip_port": 16443}
    twin = make(kernel, version="3.0.0", env=env)
    assert server_of(twin) == f"{VPC_IP}:16443"
    assert reach(twin, "internet", server_of(twin)).reached


@pytest.mark.guide("G-101", "G-103")
def test_the_kubeconfig_shows_a_server_that_leads_there_through_the_balancer(kernel: Kernel) -> None:
    """From 3.1.0 on the product binds the EIP itself; the firewall that it makes lets 6443 in."""
    twin = make(kernel, version="3.1.0", env={"kubernetes_eip_id": "eip-lb000001"})
    assert server_of(twin) == f"{LB_IP}:6443"
    assert reach(twin, "internet", server_of(twin)).reached


@pytest.mark.parametrize("version", ["1.0.1", "2.0.0", "3.3.0"])
def test_without_an_address_the_kubeconfig_is_for_inside(kernel: Kernel, version: str) -> None:
    twin = make(kernel, version=version, express="Prod" if version == "1.0.1" else "standard prod")
    assert server_of(twin) == "192.168.10.253:6443"
    assert reach(twin, "shop/client1", server_of(twin)).reached
    assert reach(twin, "internet", server_of(twin)).blocked_by == "address"


@pytest.mark.guide("G-110", "G-115")
@pytest.mark.parametrize(("eip", "place"), [("", "192.168.10.2:30880"), ("eip-console1", f"{CONSOLE_IP}:80")])
def test_the_console_link_of_the_clusters_page_leads_to_the_console(kernel: Kernel, eip: str, place: str) -> None:
    twin = make(kernel, env={"kubesphere_eip": eip} if eip else {})
    [[link, note]] = console(twin.site("shop"))
    assert (link, note) == (f"http://{place}", "")
    assert reach(twin, "internet" if eip else "shop/client1", place).reached


def test_a_dead_master_leaves_the_rotation_after_its_checks_and_others_serve(kernel: Kernel) -> None:
    twin = make(kernel)
    twin.site("shop").crash("master1", 0)
    route = reach(twin, "internet", f"{VPC_IP}:16443")
    assert route.reached
    assert [hop.name for hop in route.hops if hop.kind == "host"] == ["shop/master2"]
    assert reach(twin, "192.168.10.200", "shop/master1:6443").blocked_by == "host"


def test_without_a_quorum_nothing_answers_behind_the_balancer(kernel: Kernel) -> None:
    twin = make(kernel)
    for alias in ("master1", "master2"):
        twin.site("shop").crash(alias, 0)
    kernel.run(10**9)
    assert reach(twin, "internet", f"{VPC_IP}:16443").blocked_by == "backend"
    blocked = reach(twin, "192.168.10.200", "shop/master3:6443").blocked
    assert blocked is not None
    assert blocked.why == "API server does not answer: etcd has no quorum"


def test_a_cut_keeps_two_nodes_apart(kernel: Kernel) -> None:
    twin = make(kernel)
    twin.site("shop").cuts.add(frozenset({"client1", "master1"}))
    assert reach(twin, "shop/client1", "shop/master1:22").blocked_by == "host"
    assert reach(twin, "shop/client1", "shop/master2:22").reached


@pytest.mark.guide("G-008", "G-148", "G-150", "G-153")
@pytest.mark.parametrize(("version", "express"), [("1.0.1", "Prod"), ("2.0.0", "standard prod")])
def test_a_service_with_an_address_of_its_own_is_reached_from_the_internet(
    kernel: Kernel, ask: Callable[..., dict[str, Any]], version: str, express: str
) -> None:
    """G-153: make an EIP, take its id, make the Service with it, reach it by the public address."""
    twin = make(kernel, version=version, express=express)
    (eip_id,) = ask(twin, "AllocateEips", bandwidth=10)["eips"]
    (shown,) = ask(twin, "DescribeEips", eips=[eip_id])["eip_set"]
    address = shown["eip_addr"]
    assert reach(twin, "internet", f"{address}:8080").blocked_by == "eip"
    kube = twin.site("shop").kube
    template = PodTemplate({"app": "web"}, Resources(100, 2**28, 1), {}, ())
    kube.apply(Workload("Deployment", "shop", "web", 2, template), 0)
    notes = {EIP_IDS: eip_id, TYPE: "0"}
    kube.apply_service(Service("shop", "web", {"app": "web"}, "LoadBalancer", ((8080, 0),), notes), 0)
    kernel.run(kernel.now + 10**7)
    assert next(service.address for service in kube.objects.services if service.name == "web") == address
    assert reach(twin, "internet", f"{address}:8080").reached
    assert reach(twin, "internet", f"{address}:8081").blocked_by == "firewall"


@pytest.mark.guide("G-181")
def test_in_the_basic_network_the_default_firewall_guards_the_nodes(kernel: Kernel) -> None:
    twin = make(kernel, vxnet="vxnet-0")
    for port in (6443, 30880):
        assert reach(twin, "10.140.0.200", f"shop/master1:{port}").blocked_by == "firewall"
    assert reach(twin, "10.140.0.200", "shop/master1:22").reached


def test_asking_changes_nothing(kernel: Kernel) -> None:
    twin = make(kernel)
    before, count = twin.cloud.store.state(), kernel.trace.count
    assert network_view(twin) == network_view(twin)
    reach(twin, "internet", f"{VPC_IP}:16443")
    assert (twin.cloud.store.state(), kernel.trace.count) == (before, count)


def test_a_world_without_networks_has_an_implied_one_that_lets_nobody_in(
    kernel: Kernel, twin_of: Callable[..., Twin]
) -> None:
    twin = twin_of(kernel)
    view = network_view(twin)
    assert [vpc.eip for vpc in view.vpcs] == [""]
    assert reach(twin, "shop/client1", "shop/master1:6443").reached
    assert twin.cloud.allowance.used["router"] == 0


def test_a_machine_without_an_address_yet_is_on_no_network(kernel: Kernel) -> None:
    twin = make(kernel)
    twin.site("shop").hosts["master1"].node.private_ip = ""
    assert "shop/master1" not in [machine.name for machine in network_view(twin).machines]


def test_a_backend_is_shown_up_while_it_answers(kernel: Kernel, ask: Callable[..., dict[str, Any]]) -> None:
    twin = make(kernel)
    twin.site("shop").crash("master2", 0)
    balancer = api_balancer(twin.cloud.store, "shop")
    assert balancer is not None
    shown = ask(twin, "DescribeLoadBalancerBackends", loadbalancer=balancer.id)["loadbalancer_backend_set"]
    assert [item["status"] for item in shown] == ["up", "down", "up"]


def test_a_cluster_created_where_the_world_knows_no_networks_stands_in_an_implied_one(
    kernel: Kernel, twin_of: Callable[..., Twin]
) -> None:
    twin = twin_of(kernel)
    newcomer = vxnet_of(twin.cloud, "other", None)
    assert newcomer.router_id == vxnet_of(twin.cloud, "shop", None).router_id != ""
    assert newcomer.id != vxnet_of(twin.cloud, "shop", None).id
