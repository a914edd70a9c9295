"""An account without money: what it is refused, what stands still, what comes back, and what five days take."""

from __future__ import annotations

from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_core.units import MS_PER_H, MS_PER_MIN, MS_PER_S
from qke_core.workflows.create import conf_of
from qke_sim.checkers import Watch
from qke_sim.cloud.instance import Instance
from qke_sim.platform.scalingpolicy import ScalingPolicy
from qke_sim.testing.office import Office, wish
from qke_sim.trace import TraceRecord

ROLES = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
SHOP: dict[str, Any] = {"name": "shop", "version": "3.3.0", "roles": ROLES, "env": {"install_kubesphere": False}}
BANK = {**SHOP, "name": "bank"}
LOGIN = {"login_mode": "passwd", "login_passwd": "Secret123456"}
OWN = {"image_id": "centos7x64d", "instance_class": 101, "cpu": 2, "memory": 4096, **LOGIN}
DAY_MS = 24 * MS_PER_H


class Account(Office):
    """An office whose account may be short of money, watched by the checkers."""

    def __init__(self, *clusters: dict[str, Any]) -> None:
        watches: list[Watch] = []
        super().__init__(*(clusters or (SHOP,)), watched=lambda twin: watches.append(Watch(twin)))
        self.watch = watches[0]

    def own_instance(self) -> Instance:
        answer = self.tell("RunInstances", **OWN)
        self.wait(5 * MS_PER_MIN)
        return self.twin.cloud.store.get(Instance, answer["instances"][0])

    def machines(self) -> set[str]:
        ids = [node.instance_id for node in self.site.cluster.nodes]
        return {self.twin.cloud.store.get(Instance, name).status for name in ids}

    def nodes(self) -> set[str]:
        return {node.status for node in self.site.cluster.nodes}

    def in_order(self) -> bool:
        assert self.watch.findings() == []
        return True


@pytest.fixture
def account() -> Account:
    return Account()


# --- Short of money


COSTLY: list[tuple[str, dict[str, Any]]] = [
    ("AddClusterNodes", {"node_role": "node_perf", "node_count": 1}),
    ("ResizeCluster", {"node_role": "node_perf", "storage_size": 400}),
    ("RunInstances", OWN),
    ("CreateVolumes", {"size": 10, "volume_type": 200}),
    ("AllocateEips", {"bandwidth": 5}),
    ("CreateLoadBalancer", {"loadbalancer_type": 0, "vxnet": "vxnet-0"}),
    ("CreateRouters", {"router_type": 1, "vpc_network": "172.30.0.0/16"}),
]


@pytest.mark.parametrize(("action", "params"), COSTLY)
def test_what_creates_or_grows_is_refused_while_the_balance_is_short(
    account: Account, action: str, params: dict
) -> None:
    account.twin.cloud.allowance.shortages = 1
    code, message = account.refused(action, cluster=account.id, **params)
    assert (code, message.partition(",")[0]) == (2400, "BalanceNotEnough")
    account.twin.cloud.allowance.shortages = 0
    assert account.tell(action, cluster=account.id, **params)["ret_code"] == 0


def test_what_costs_nothing_and_what_is_given_up_needs_no_balance(account: Account) -> None:
    account.twin.cloud.allowance.shortages = 1
    assert account.tell("CreateSecurityGroup", security_group_name="free")["ret_code"] == 0
    assert account.ask("StopClusters", clusters=[account.id]).status == "successful"
    assert account.ask("DeleteClusters", clusters=[account.id]).status == "successful"


def test_money_that_runs_out_while_nodes_are_made_ends_the_job_with_2400(account: Account) -> None:
    def spend(record: TraceRecord) -> None:
        account.twin.cloud.allowance.shortages = int(
            record.kind == "job.created" or account.twin.cloud.allowance.shortages
        )

    account.kernel.trace.observers.append(spend)
    job = account.ask("AddClusterNodes", cluster=account.id, node_role="node_perf", node_count=4)
    assert (job.status, job.code) == ("failed", 2400)
    assert len(account.site.cluster.nodes) == 4
    assert account.in_order()


def test_a_run_of_autoscaling_for_which_the_balance_is_too_small_fails_and_says_so() -> None:
    policy = {"role": "node_perf", "max": 4, "increase": {"conditions": [{"meter": "cpu", "gt": 800}]}}
    account = Account({**SHOP, "autoscaling": [policy]})
    account.twin.cloud.allowance.shortages = 1
    (thing,) = account.twin.cloud.store.all(ScalingPolicy)
    params = {"autoscaling_policy": thing.id, "scale_direction": "increase"}
    assert account.tell("ExecuteAutoScalingPolicy", **params)["ret_code"] == 0
    account.wait(5 * MS_PER_MIN)
    (entry,) = thing.history
    assert (entry.result, entry.description.partition(",")[0]) == ("scale_fail", "BalanceNotEnough")


# --- In arrears


def test_everything_stands_still_and_comes_back_as_it_was() -> None:
    account = Account(SHOP, {**BANK, "status": "stopped"})
    own, off = account.own_instance(), account.own_instance()
    account.ask("StopInstances", instances=[off.id])
    bank = account.twin.site("bank").cluster
    settle = account.twin.arrears.begin(0)
    account.wait(5 * MS_PER_MIN)
    assert (account.site.cluster.status, bank.status) == ("suspended", "suspended")
    assert (account.nodes(), account.machines()) == ({"suspended"}, {"suspended"})
    assert (own.status, off.status) == ("suspended", "suspended")
    assert not account.site.plane.available
    assert not any(part.running for part in account.charged() if part.kind == "instance")
    account.wait(DAY_MS)
    settle(0)
    account.wait(20 * MS_PER_MIN)
    assert (account.site.cluster.status, bank.status) == ("active", "stopped")
    assert (account.nodes(), account.machines()) == ({"active"}, {"running"})
    assert {node.status for node in bank.nodes} == {"stopped"}
    assert (own.status, off.status) == ("running", "stopped")
    assert account.site.plane.available
    assert all(node.ready for node in account.site.kube.nodes.values())
    assert account.in_order()


def test_a_suspended_cluster_takes_no_operation_but_its_deletion(account: Account) -> None:
    account.twin.arrears.begin(0)
    account.wait(5 * MS_PER_MIN)
    for action in ("StartClusters", "StopClusters", "RecoverClusters", "CeaseClusters"):
        assert account.refused(action, clusters=[account.id], resources=[account.id])[0] == 1400
    assert account.ask("DeleteClusters", clusters=[account.id]).status == "successful"
    assert account.refused("RecoverClusters", clusters=[account.id], resources=[account.id])[0] == 2400
    assert account.in_order()


def test_what_goes_on_in_a_cluster_ends_before_it_is_suspended(account: Account) -> None:
    answer = account.tell("RestartClusterService", cluster=account.id, role="node_perf")
    account.twin.arrears.begin(0)
    assert account.site.cluster.status == "active"
    account.wait(30 * MS_PER_MIN)
    assert account.twin.cloud.jobs[answer["job_id"]].status == "successful"
    assert account.site.cluster.status == "suspended"
    assert account.in_order()


@pytest.mark.parametrize("after_s", [0, 1, 5, 20, 60])
def test_a_top_up_at_any_moment_brings_everything_back(account: Account, after_s: int) -> None:
    own = account.own_instance()
    settle = account.twin.arrears.begin(0)
    account.wait(after_s * MS_PER_S)
    settle(0)
    account.wait(20 * MS_PER_MIN)
    assert (account.site.cluster.status, own.status) == ("active", "running")
    assert (account.nodes(), account.machines()) == ({"active"}, {"running"})
    assert account.site.plane.available
    assert account.in_order()


def test_after_five_days_it_is_in_the_bin_and_two_hours_later_gone(account: Account) -> None:
    own, cluster = account.own_instance(), account.site.cluster
    account.twin.arrears.begin(0)
    account.wait(5 * DAY_MS - MS_PER_H)
    assert (cluster.status, own.status) == ("suspended", "suspended")
    account.wait(MS_PER_H + 30 * MS_PER_MIN)
    assert (cluster.status, own.status) == ("deleted", "terminated")
    account.wait(3 * MS_PER_H)
    assert (cluster.status, own.status) == ("ceased", "ceased")
    assert account.charged() == []
    assert account.in_order()


def test_a_cluster_that_the_world_has_suspended_goes_on_when_a_debt_is_paid() -> None:
    account = Account({**SHOP, "status": "suspended"})
    assert account.machines() == {"suspended"}
    account.twin.arrears.begin(0)(0)
    account.wait(20 * MS_PER_MIN)
    assert (account.site.cluster.status, account.machines()) == ("active", {"running"})
    assert account.site.plane.available
    assert account.in_order()


def test_a_cluster_that_is_being_created_is_not_finished_without_money() -> None:
    account = Account(SHOP)
    wished = wish(**{**SHOP, "name": "bank"})
    version = catalog().version("3.3.0").app_version_id
    answer = account.tell("DeployAppVersion", version_id=version, conf=conf_of(wished), charge_mode="elastic")
    account.twin.arrears.begin(0)
    account.wait(30 * MS_PER_MIN)
    job = account.twin.cloud.jobs[answer["job_id"]]
    assert (job.status, job.code) == ("failed", 2400)
    assert account.twin.cloud.clusters[answer["cluster_id"]].status == "ceased"
    assert account.site.cluster.status == "suspended"
    assert account.in_order()


def test_a_debt_that_was_paid_is_not_collected(account: Account) -> None:
    account.twin.arrears.begin(0)(0)
    account.wait(DAY_MS)
    settle = account.twin.arrears.begin(0)
    account.wait(4 * DAY_MS + MS_PER_H)
    assert account.site.cluster.status == "suspended"
    settle(0)
    account.wait(MS_PER_H)
    assert account.site.cluster.status == "active"
    assert not account.find("account.collected")
