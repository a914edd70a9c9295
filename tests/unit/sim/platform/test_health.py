"""When does the platform find a node unhealthy, what does it do, and what does a quiet cluster cost?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qke_core.units import MS_PER_DAY, MS_PER_MIN
from qke_sim.hosts.certificates import RENEWED
from qke_sim.hosts.host import Certificate
from qke_sim.kernel import Kernel
from qke_sim.platform.looks import health_status
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

TwinOf = Callable[..., Twin]


def make(kernel: Kernel, twin_of: TwinOf, version: str) -> Twin:
    roles = {"master": {"count": 3}, "node_perf": {"count": 3}, "client": {"count": 1}}
    twin = twin_of(kernel, {"name": "shop", "version": version, "roles": roles})
    kernel.run(0)
    return twin


def records(kernel: Kernel, kind: str) -> list[TraceRecord]:
    return [record for record in kernel.trace.records if record.kind == kind]


def at(kernel: Kernel, ms: int) -> None:
    """Go on to an instant, whether or not anything keeps the run going."""
    kernel.later(ms - kernel.now, lambda: None)
    kernel.run(ms)


@pytest.mark.guide("G-002")
@pytest.mark.parametrize("version", ["1.0.1", "2.0.0", "3.3.0"])
def test_a_stopped_kubelet_is_found_and_started_again(kernel: Kernel, twin_of: TwinOf, version: str):
    twin = make(kernel, twin_of, version)
    site = twin.site("shop")
    kernel.later(10 * MS_PER_MIN, lambda: void(site.stop_kubelet("node_perf2", 0)))
    assert kernel.run(30 * MS_PER_MIN)
    (sick,), (well,) = records(kernel, "health.unhealthy"), records(kernel, "health.healthy")
    assert sick.subject == well.subject == "shop/node_perf2"
    assert 12 * MS_PER_MIN <= sick.t < 13 * MS_PER_MIN
    assert well.t - sick.t <= 5 * MS_PER_MIN
    (began,), (ended,) = records(kernel, "revive.started"), records(kernel, "revive.ended")
    assert (began.t, ended.data["code"]) == (sick.t, 0)
    assert site.hosts["node_perf2"].services["kubelet"]
    assert site.kube.nodes["node_perf2"].ready


def void(_: object) -> None:
    """Forget a value."""


def test_a_fault_that_passes_within_two_checks_is_not_seen(kernel: Kernel, twin_of: TwinOf):
    site = make(kernel, twin_of, "2.0.0").site("shop")
    kernel.later(MS_PER_MIN, lambda: void(site.stop_kubelet("node_perf2", 0)))
    kernel.later(3 * MS_PER_MIN, lambda: void(site.start_kubelet("node_perf2", "1.16.7", 0)))
    at(kernel, 20 * MS_PER_MIN)
    assert not records(kernel, "health.unhealthy")


def test_the_client_is_not_looked_at(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, "3.3.0")
    twin.site("shop").crash("client1", 0)
    at(kernel, 20 * MS_PER_MIN)
    assert not records(kernel, "health.unhealthy")
    assert health_status(twin.site("shop").hosts["client1"].node, "3.3.0") == ""


def test_a_crashed_node_is_unhealthy_and_nothing_can_be_done(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, "2.0.0")
    site = twin.site("shop")
    site.crash("node_perf1", 0)
    at(kernel, 20 * MS_PER_MIN)
    assert [record.subject for record in records(kernel, "health.unhealthy")] == ["shop/node_perf1"]
    assert not records(kernel, "revive.started")
    assert health_status(site.hosts["node_perf1"].node, "2.0.0") == "unhealthy"
    assert health_status(site.hosts["node_perf2"].node, "2.0.0") == "healthy"


@pytest.mark.parametrize(("version", "sick_nodes"), [("2.0.0", 0), ("3.0.0", 0), ("3.1.0", 6), ("3.3.0", 6)])
def test_an_outage_of_the_api_makes_every_node_unhealthy_from_3_1_0_on(
    kernel: Kernel, twin_of: TwinOf, version: str, sick_nodes: int
):
    site = make(kernel, twin_of, version).site("shop")
    for alias in ("master1", "master2", "master3"):
        site.plane.set_process(alias, up=False, cause=0)
    at(kernel, 20 * MS_PER_MIN)
    sick = {record.subject for record in records(kernel, "health.unhealthy")}
    assert len(sick) == len(records(kernel, "revive.started")) == sick_nodes
    assert not records(kernel, "service.running")


def test_1_x_looks_at_docker_and_kubelet_only(kernel: Kernel, twin_of: TwinOf):
    site = make(kernel, twin_of, "1.0.1").site("shop")
    site.hosts["node_perf1"].set_service("ssh", active=False, cause=0)
    site.hosts["node_perf2"].set_service("docker", active=False, cause=0)
    at(kernel, 20 * MS_PER_MIN)
    assert [record.subject for record in records(kernel, "health.unhealthy")] == ["shop/node_perf2"]


def test_a_cluster_in_transition_is_not_judged_and_counting_begins_anew_afterwards(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, "2.0.0")
    site = twin.site("shop")
    twin.cloud.change(site.cluster, "transition_status", "updating", 0)
    site.stop_kubelet("node_perf1", 0)
    kernel.later(30 * MS_PER_MIN, lambda: void(twin.cloud.change(site.cluster, "transition_status", "", 0)))
    kernel.run(60 * MS_PER_MIN)
    (sick,) = records(kernel, "health.unhealthy")
    assert 32 * MS_PER_MIN <= sick.t < 33 * MS_PER_MIN


def test_a_revival_that_takes_too_long_is_cut_and_tried_again(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, "2.0.0")
    host = twin.site("shop").hosts["node_perf1"]
    host.slow_percent = 10_000
    host.set_service("docker", active=False, cause=0)
    at(kernel, 10 * MS_PER_MIN)
    assert len(records(kernel, "health.unhealthy")) == 1
    assert len(records(kernel, "revive.cut")) == 3


def test_a_year_without_a_fault_costs_no_event(kernel: Kernel, twin_of: TwinOf):
    roles = {"master": {"count": 3}, "node_perf": {"count": 96}, "client": {"count": 1}}
    twin_of(kernel, {"name": "shop", "version": "3.3.0", "roles": roles})
    before = kernel.trace.count
    assert kernel.run(365 * MS_PER_DAY)
    assert kernel.trace.count == before


def test_the_verdict_names_what_led_to_it(kernel: Kernel, twin_of: TwinOf):
    site = make(kernel, twin_of, "2.0.0").site("shop")
    seq = site.stop_kubelet("node_perf1", 0)
    at(kernel, 5 * MS_PER_MIN)
    (sick,) = records(kernel, "health.unhealthy")
    assert sick.cause is not None
    assert kernel.trace.records[sick.cause].subject == "shop/node_perf1"
    assert sick.cause >= seq


def test_certificates_that_nobody_renews_are_found_25_days_before_their_end_and_renewed(
    kernel: Kernel, twin_of: TwinOf
):
    site = make(kernel, twin_of, "3.3.0").site("shop")
    host = site.hosts["master2"]
    host.certificates = {name: Certificate(0, 26 * MS_PER_DAY) for name in RENEWED}
    kernel.trace.add("certificates.issued", host.subject, 0, names=["apiserver"])
    at(kernel, 2 * MS_PER_DAY)
    (sick,) = records(kernel, "health.unhealthy")
    assert (sick.subject, sick.data["why"]) == ("shop/master2", "its certificates end soon")
    assert MS_PER_DAY + 2 * MS_PER_MIN <= sick.t < MS_PER_DAY + 3 * MS_PER_MIN
    assert [record.t - sick.t < 5 * MS_PER_MIN for record in records(kernel, "health.healthy")] == [True]
    assert records(kernel, "certificates.renewed")
