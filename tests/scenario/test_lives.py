"""Nine whole lives, one for each version, and short stories of what fails: order, limits, waits, codes, side effects.

The tables are the facts of the product's definition and scripts, written here a second time on purpose: the catalogue
is checked against them, and so is what the nodes really did.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from qke_core.catalog import catalog, operations
from qke_core.catalog.operation_facts import ServiceName
from qke_sim.hosts.appctl import Run, run_command
from qke_sim.scenario import RunResult, build_story, load_story, run_story
from qke_sim.testing.office import Office, wish
from qke_sim.trace import TraceRecord

SCENARIOS = Path(__file__).parents[2] / "scenarios"
ALL = catalog().order
ONE, TWO = ALL[:2], ALL[2:]
GENTLE, FORCED = TWO[: TWO.index("3.1.1-1")], TWO[TWO.index("3.1.1-1") :]
HIGH = [version for version in ALL if version != "3.1.0"]
"""Those whose life has three masters."""
NEXT: Mapping[str, str] = {
    **dict.fromkeys(ONE, "2.0.0"),
    "2.0.0": "3.0.0",
    "3.0.0": "3.1.0",
    **dict.fromkeys(("3.1.0", "3.1.1", "3.1.1-1"), "3.2.1"),
    "3.2.1": "3.3.0",
}
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


@cache
def life(version: str) -> RunResult:
    """Play a version's life, once a session."""
    return run_story(load_story(SCENARIOS / f"life-{version.replace('.', '-')}.yaml"))


def within(result: RunResult, action: str) -> list[TraceRecord]:
    """List what was recorded from the beginning of an action to the beginning of the next."""
    begins = [record.seq for record in result.records if record.kind == "action.started"]
    own = next(r.seq for r in result.records if r.kind == "action.started" and r.subject == action)
    end = min((seq for seq in begins if seq > own), default=len(result.records))
    return [record for record in result.records if own <= record.seq < end]


def of(records: Sequence[TraceRecord], *kinds: str, **data: object) -> list[TraceRecord]:
    """List the records of some kinds with some data."""
    return [r for r in records if r.kind in kinds and all(r.data.get(name) == value for name, value in data.items())]


def alias(record: TraceRecord) -> str:
    return record.subject.partition("/")[2]


def role(record: TraceRecord) -> str:
    return alias(record).rstrip("0123456789")


# --- Services: order, roles, limits

K8S = ("master", "node_perf")
Row = tuple[str, tuple[str, ...]]
START_1: tuple[Row, ...] = (("start", ("master",)), ("start", ("node_perf",)), ("start", ("client",)))
START_2: tuple[Row, ...] = (("start", K8S), ("start", ("client",)))
OLD: Mapping[str, tuple[Row, ...]] = {
    "create": (("init", ("client",)), ("init", K8S), *START_1),
    "add-nodes": (("init", ("node_perf",)), ("start", ("node_perf",))),
    "down-to-one": (("scale_in", ("master",)), ("stop", ("node_perf",))),
    "grow": (),
    "resize": (("stop", ("node_perf",)), ("start", ("node_perf",))),
    "no-modules": (),
    "no-menu": (),
    "restart": (("stop", ("node_perf",)), ("start", ("node_perf",))),
    "stop": (("stop", K8S),),
    "start": START_1,
    "delete": (("destroy", ("master",)), ("stop", K8S)),
    "recover": START_1,
    "upgrade": (("upgrade", K8S), ("upgrade", ("client",))),
}
NEW: Mapping[str, tuple[Row, ...]] = {
    "create": (*START_2, ("init", K8S), ("init", ("client",))),
    "add-nodes": (
        ("scale_out_check", ("master",)),
        ("start", ("node_perf",)),
        ("init", ("node_perf",)),
        ("scale_out", ("master",)),
    ),
    "delete-nodes": (
        ("scale_in_check", ("master",)),
        ("scale_in", ("master",)),
        ("stop", ("node_perf",)),
        ("destroy", ("node_perf",)),
    ),
    "too-few": (("scale_in_check", ("master",)),),
    "grow": (),
    "fixed": (),
    "more-masters": (),
    "prune": (("docker_prune", ("node_perf",)),),
    "renew": (("renew_certs", ("master",)),),
    "restart": (("restart", ("node_perf",)),),
    "restart-masters": (("restart", ("master",)),),
    "stop": (("stop", K8S),),
    "start": START_2,
    "delete": (("stop", K8S), ("destroy", ("node_perf",))),
    "recover": START_2,
    "upgrade": (("upgrade", K8S), ("upgrade", ("client",))),
    "again": (("stop", K8S), ("destroy", ("node_perf",))),
    "cease": (),
}
ROWS = [(v, action) for v in ONE for action in OLD] + [
    (v, action) for v in TWO for action in NEW if action != "upgrade" or v in NEXT
]


def rows(records: Sequence[TraceRecord]) -> list[Row]:
    """Say which services ran on which roles, those that began together in one row."""
    found: dict[tuple[int, str], dict[str, None]] = {}
    for record in of(records, "service.started"):
        found.setdefault((record.t, str(record.data["service"])), {})[role(record)] = None
    return [(service, tuple(roles)) for (_, service), roles in found.items()]


@pytest.mark.parametrize(("version", "action"), ROWS)
def test_services_run_on_the_roles_in_the_order_of_the_definition(version: str, action: str) -> None:
    wanted = (OLD if version in ONE else NEW)[action]
    records = within(life(version), action)
    if action == "resize":
        assert {row[0] for row in rows(records)} == {row[0] for row in wanted}
        return
    assert rows(records) == list(wanted)


@pytest.mark.parametrize("version", ALL)
def test_a_row_of_services_begins_when_the_one_before_has_ended(version: str) -> None:
    for action in ("create", "start", "recover", *(("upgrade",) if version in NEXT else ())):
        records = within(life(version), action)
        begins = sorted({record.t for record in of(records, "service.started")})
        for begun, following in pairwise(begins):
            started = {record.subject for record in of(records, "service.started") if record.t == begun}
            ended = [r.t for r in of(records, "service.ended") if r.subject in started and begun < r.t <= following]
            assert len(ended) == len(started), (action, begun)


LIMITS: Mapping[tuple[str, str], Mapping[str, int]] = {
    ("init", "master"): {"1.0.0": 1200, "2.0.0": 1800},
    ("init", "node_perf"): {"1.0.0": 1200},
    ("init", "client"): {"1.0.0": 1200, "3.1.0": 3600},
    ("start", "master"): {"1.0.0": 1200},
    ("start", "node_perf"): {"1.0.0": 1200},
    ("start", "client"): {"1.0.0": 1200, "2.0.0": 600},
    ("stop", "master"): {"1.0.0": 1200},
    ("stop", "node_perf"): {"1.0.0": 1200},
    ("restart", "master"): {"2.0.0": 600},
    ("restart", "node_perf"): {"2.0.0": 600},
    ("scale_in", "master"): {"1.0.0": 86400, "2.0.0": 7500},
    ("scale_in_check", "master"): {"2.0.0": 7500},
    ("scale_out", "master"): {"2.0.0": 1200},
    ("scale_out_check", "master"): {"2.0.0": 1200},
    ("destroy", "master"): {"1.0.0": 600},
    ("destroy", "node_perf"): {"2.0.0": 600, "3.1.1-1": 1200, "3.2.1": 600, "3.3.0": 1200},
    ("docker_prune", "node_perf"): {"2.0.0": 3600},
    ("renew_certs", "master"): {"2.0.0": 300},
    ("upgrade", "master"): {"2.0.0": 10800},
    ("upgrade", "node_perf"): {"2.0.0": 10800},
    ("upgrade", "client"): {"2.0.0": 43200},
}
"""How many seconds a service may take on a role, from a version on."""


def since(table: Mapping[str, Any], version: str) -> Any:
    """Return the entry that a version has: that of the newest one at or before it; None when there is none."""
    found = [table[v] for v in ALL[: ALL.index(version) + 1] if v in table]
    return found[-1] if found else None


@pytest.mark.parametrize("version", ALL)
def test_every_service_has_its_limit_in_seconds(version: str) -> None:
    now, seen = version, set[tuple[str, str]]()
    for record in life(version).records:
        if record.kind == "cluster.changed" and record.data.get("field") == "version":
            now = str(record.data["after"])
        if record.kind != "service.started" or record.data["service"] == "reload":
            continue
        key = (str(record.data["service"]), role(record))
        at = NEXT[version] if key[0] == "upgrade" else now
        assert record.data["timeout_s"] == since(LIMITS[key], at), (key, at)
        seen.add(key)
    assert {"init", "start", "stop"} <= {name for name, _ in seen}


@pytest.mark.parametrize("version", ALL)
def test_the_book_has_the_same_limits(version: str) -> None:
    for (name, on), table in LIMITS.items():
        if name == "upgrade" or name.endswith("_check"):
            continue
        service = operations().service(on, _service(name), version)
        limit = None if name == "destroy" and on == "master" and version in TWO else since(table, version)
        assert (None if service is None else service.timeout_ms // SECOND) == limit, (name, on)


def _service(name: str) -> ServiceName:
    return next(found for _, found, _ in operations().services if found == name)


# --- Waits

Looks = tuple[int, int]
WAITS: Mapping[str, Mapping[str, Looks | None]] = {
    "node-check": {"1.0.1": (20, 2), "2.0.0": None},
    "api-ready": {"1.0.0": (60, 2), "2.0.0": None},
    "local-dns": {"3.1.0": (5, 2)},
    "join-file": {"2.0.0": (240, 1), "3.1.1-1": (18, 10)},
    "join-master": {"2.0.0": (3, 1), "3.1.1-1": (3, 2)},
    "join-worker": {"1.0.0": (60, 2), "2.0.0": (60, 1), "3.1.1-1": (3, 2)},
    "masters-listed": {"3.0.0": (90, 2), "3.1.1-1": (30, 10)},
    "lb-file": {"2.0.0": (600, 1), "3.1.1-1": (48, 10)},
    "lb-job": {"2.0.0": (600, 1), "3.1.1-1": (48, 10)},
    "lb-active": {"1.0.0": (20, 5), "2.0.0": (300, 2), "3.1.1-1": (30, 10)},
    "lb-applied": {"2.0.0": (30, 1), "3.0.0": (120, 1), "3.1.1-1": (12, 10)},
    "lb-certificate": {"2.0.0": (30, 1), "3.1.1-1": (15, 2)},
    "kubeconfig": {"2.0.0": (60, 1), "3.1.1-1": (6, 10)},
    "own-node": {"2.0.0": (30, 1), "3.1.1-1": (15, 2)},
    "cluster-dns": {"2.0.0": (30, 1)},
    "nodes-ready": {"2.0.0": (300, 1), "3.1.1-1": (60, 10)},
    "create-helm-ready": {"1.0.0": (60, 2), "2.0.0": (180, 1), "3.0.0": None},
    "helm-ready": {"2.0.0": (1800, 1), "3.0.0": None},
    "kubesphere-installer": {"1.0.1": (200, 10), "2.0.0": (1800, 2), "3.1.1-1": (60, 20)},
    "client-files": {"2.0.0": (1200, 1), "3.1.1-1": (48, 10)},
    "previous-masters": {"2.0.0": (1800, 2), "3.1.1-1": (20, 30)},
    "worker-kubeconfig": {"2.0.0": (3600, 1), "3.0.0": None},
    "masters-ready": {"3.0.0": (3600, 2), "3.1.1-1": (60, 10)},
    "all-nodes": {"2.0.0": (3600, 2), "3.0.0": (600, 1), "3.1.1-1": (60, 20)},
    "no-unbound-pvc": {"3.1.0": (600, 1), "3.1.1-1": (60, 10)},
    "coredns-volume-fix": {"3.1.0": (10, 1)},
    "kubesphere-client": {"2.0.0": (18000, 2), "3.1.1-1": (60, 20)},
    "client-helm-ready": {"2.0.0": (1200, 1), "3.0.0": None},
    "kube-proxy-log-level": {"2.0.0": (60, 1)},
    "control-plane-sighup": {"2.0.0": (5, 1)},
}
"""At most so many looks, so many seconds apart, from a version on; None: that version waits for it no more."""
UNBOUND = ("join-token", "kubesphere-playbook")
"""What 1.x waits for as long as its service may run."""


@pytest.mark.parametrize("version", ALL)
def test_the_catalogue_has_every_wait_of_a_version_and_no_other(version: str) -> None:
    for name, table in WAITS.items():
        wanted = since(table, version)
        if wanted is None:
            with pytest.raises(KeyError):
                _ = catalog().budget(name, version)
        else:
            budget = catalog().budget(name, version)
            assert (budget.attempts, budget.interval_ms) == (wanted[0], wanted[1] * SECOND), name


@pytest.mark.parametrize("version", ALL)
def test_nodes_wait_with_the_patience_of_their_version(version: str) -> None:
    records = life(version).records
    upgrading = {r.seq for r in within(life(version), "upgrade")} if version in NEXT else set[int]()
    for record in of(records, "wait.began"):
        name = str(record.data["what"])
        at = NEXT[version] if record.seq in upgrading else version
        if name in UNBOUND:
            assert version in ONE
        else:
            assert (record.data["attempts"], record.data["interval_s"]) == since(WAITS[name], at), name


CREATES: Mapping[str, Mapping[str, set[str]]] = {
    "1.0.0": {
        "client1": {"lb-active", "create-helm-ready", "kubesphere-playbook", "api-ready"},
        "master1": {"api-ready"},
        "node_perf1": {"join-token"},
    },
    "1.0.1": {
        "client1": {"node-check", "lb-active", "create-helm-ready", "kubesphere-installer", "api-ready"},
        "master1": {"node-check", "api-ready"},
        "node_perf1": {"node-check", "join-token"},
    },
    "2.0.0": {
        "client1": {"client-files", "kubesphere-installer"},
        "master1": {
            *("lb-active", "lb-applied", "lb-job", "lb-certificate", "kube-proxy-log-level", "cluster-dns"),
            *("nodes-ready", "create-helm-ready", "kubesphere-installer"),
        },
        "master2": {"join-file", "lb-file", "lb-certificate", "kubeconfig", "own-node"},
        "node_perf1": {"join-file", "lb-file", "lb-certificate", "kubeconfig", "own-node"},
    },
}
LATER: Mapping[str, Mapping[str, set[str]]] = {
    "3.0.0": {"master1": {"masters-listed"}, "master2": {"masters-listed"}, "node_perf1": {"masters-listed"}},
    "3.1.0": {"master1": {"local-dns"}, "master2": {"local-dns"}, "node_perf1": {"local-dns"}},
}
"""What comes on top from a version on; 3.0.0 has no tiller to wait for."""


@pytest.mark.parametrize("version", HIGH)
def test_a_creation_waits_for_what_its_version_waits_for(version: str) -> None:
    wanted = {name: set(waits) for name, waits in CREATES[version if version in ONE else "2.0.0"].items()}
    for first, more in LATER.items():
        if ALL.index(version) >= ALL.index(first):
            for name, waits in more.items():
                wanted[name] = (wanted[name] | waits) - {"create-helm-ready"}
    seen: dict[str, set[str]] = {}
    for record in of(within(life(version), "create"), "wait.began"):
        seen.setdefault(alias(record), set()).add(str(record.data["what"]))
    assert {name: seen[name] for name in wanted} == wanted


@pytest.mark.parametrize("version", TWO)
def test_a_new_worker_fetches_files_instead_of_waiting_for_them(version: str) -> None:
    records = within(life(version), "add-nodes")
    local = {"local-dns"} if version not in ("2.0.0", "3.0.0") else set[str]()
    assert {str(r.data["what"]) for r in of(records, "wait.began")} == {"own-node", *local}
    steps = [str(r.data["step"]) for r in of(records, "step.started") if role(r) == "node_perf"]
    assert {"fetch-join-file", "fetch-kubeconfig", "join-as-worker", "label-worker"} <= set(steps)
    assert {"fetch-lb-file", "use-lb-address"} <= set(steps)


# --- Creation

FIRST_MASTER = (
    *("start-lb-job", "kubeadm-init", "share-join-command", "share-kubeconfig", "wait-masters-joined", "wait-lb-job"),
    *("use-lb-address", "certify-lb-address", "wait-lb-certificates", "set-kube-proxy-log-level"),
    *("create-cloud-secret", "apply-network", "install-tiller", "patch-coredns", "warm-up-dns", "wait-nodes-ready"),
    *("apply-cloud-controller", "replace-storage", "delete-tokens", "start-installer-job", "annotate-node"),
)
SINCE_3 = ("wait-masters-joined", "create-cloud-secret", "annotate-node")


@pytest.mark.parametrize("version", [version for version in HIGH if version in TWO])
def test_the_first_master_does_it_in_this_order(version: str) -> None:
    records = within(life(version), "create")
    steps = [str(r.data["step"]) for r in of(records, "step.started") if alias(r) == "master1"]
    absent = SINCE_3 if version == "2.0.0" else ("install-tiller",)
    assert [step for step in steps if step in FIRST_MASTER] == [s for s in FIRST_MASTER if s not in absent]


@pytest.mark.parametrize("version", ONE)
def test_at_1_x_every_master_forms_itself_and_the_first_one_installs(version: str) -> None:
    records = within(life(version), "create")
    steps = {name: [str(r.data["step"]) for r in of(records, "step.started") if alias(r) == name] for name in MASTERS}
    for name in MASTERS:
        assert {"start-v1-control-plane", "wait-api", "mark-control-plane"} <= set(steps[name])
        assert ("check-node" in steps[name]) == (version == "1.0.1")
    assert "replace-storage" in steps["master1"]
    assert "replace-storage" not in steps["master2"]
    marked = of(records, "node.relabelled")
    assert {alias(r) for r in marked if role(r) == "master"} == set(MASTERS)


MASTERS = ("master1", "master2", "master3")


@pytest.mark.parametrize("version", ONE)
def test_masters_of_1_x_do_not_wait_for_the_api_when_they_start_the_client_does(version: str) -> None:
    waiting = {alias(r) for r in of(within(life(version), "start"), "wait.began", what="api-ready")}
    assert waiting == {"client1"}


FIREWALL = ("CreateSecurityGroup", "AddSecurityGroupRules", "ApplySecurityGroup", "CreateLoadBalancer")
BACKENDS = ("AddLoadBalancerListeners", "AddLoadBalancerBackends")


@pytest.mark.parametrize("version", ALL)
def test_the_balancer_of_the_api_is_made_call_by_call(version: str) -> None:
    """By the client at 1.x, with one call for each backend; by the first master later, with the EIP from 3.1.0 on."""
    maker = "client1" if version in ONE else "master1"
    records = within(life(version), "create")
    calls = [r for r in of(records, "cloud.called") if r.data["by"] == f"shop/{maker} kube-lb"]
    more = ("AddLoadBalancerBackends",) * 2 if version in ONE else ()
    eip = ("DescribeEips", "AssociateEipsToLoadBalancer") if version == "3.1.0" else ()
    made = [r.data["action"] for r in calls if r.data["action"] != "AttachTags"]
    assert made == [*FIREWALL, *BACKENDS, *more, "UpdateLoadBalancers", *eip]
    created = next(r.t for r in calls if r.data["action"] == "CreateLoadBalancer")
    (waited,) = of(records, "wait.began", what="lb-active")
    assert (waited.t - created >= 30 * SECOND) == (version in TWO)


@pytest.mark.parametrize("version", ALL)
def test_nodes_are_called_after_their_instance_up_to_2_0_0_and_by_readable_names_later(version: str) -> None:
    names = {alias(r): str(r.data["name"]) for r in of(within(life(version), "create"), "node.added")}
    if version in (*ONE, "2.0.0"):
        assert all(name.startswith("i-") for name in names.values())
    else:
        assert (names["master1"], names["node_perf2"]) == ("master1", "worker-p002")


@pytest.mark.parametrize("version", TWO)
def test_an_initialised_node_does_nothing_when_it_is_initialised_again(version: str) -> None:
    office = Office({"name": "shop", "version": version, "express": catalog().express_groups(version)[0]})
    for name in ("master1", "node_perf1"):
        host = office.site.hosts[name]
        running = host.execute(run_command(Run(office.site, host, "init", version), 0))
        office.kernel.run(office.kernel.now + HOUR)
        assert running.done.value == 0
    assert not office.find("step.started")


# --- Tokens


@pytest.mark.parametrize("version", ALL)
def test_nodes_join_with_the_token_of_their_version(version: str) -> None:
    """A token for ever at 1.x; one for two hours at every scale out from 2.0.0 on, which is deleted afterwards."""
    records = life(version).records
    born, added = within(life(version), "create"), within(life(version), "add-nodes")
    if version in ONE:
        assert [r.data["life_s"] for r in of(born, "token.created")] == [0]
        assert not of(records, "token.deleted")
    else:
        assert [r.data["life_s"] for r in of(added, "token.created")] == [7200]
        assert (len(of(born, "token.deleted")), len(of(added, "token.deleted"))) == (1, 1)
    assert len(of(added, "token.created")) == (version in TWO)


# --- Markers, and what a restart resets


@pytest.mark.parametrize("version", ALL)
def test_a_cluster_is_initialised_once_and_its_nodes_after_every_start(version: str) -> None:
    result = life(version)
    marked = [r.subject for r in of(result.records, "marker.written", marker="cluster.init")]
    late = {alias(r) for r in of(result.records, "service.started", service="init")}
    assert len(marked) == len(set(marked))
    assert {name.partition("/")[2] for name in marked} <= late
    for action in ("start", "recover"):
        nodes = {alias(r) for r in of(within(result, action), "marker.written", marker="node.init")}
        known = {alias(r) for r in of(within(result, action), "service.started", service="start")}
        assert nodes == known - {"client1"}
        assert not of(within(result, action), "marker.written", marker="cluster.init")
    assert not of(within(result, "restart"), "marker.written")


@pytest.mark.parametrize("version", ALL)
def test_a_recovered_cluster_does_not_install_kubesphere_again(version: str) -> None:
    records = within(life(version), "recover")
    assert not of(records, "installer.launched")
    exposed = "expose-console" in [r.data["step"] for r in of(records, "step.started") if alias(r) == "client1"]
    assert exposed == (version in ONE)


@pytest.mark.parametrize("version", TWO)
def test_a_recovered_client_fetches_what_it_lost(version: str) -> None:
    group = catalog().express_groups(version)[2]
    office = Office({"name": "shop", "version": version, "express": group, "env": {"install_kubesphere": False}})
    client = office.site.hosts["client1"]
    client.files.update(("kubeconfig", "loadbalancer", "notes"))
    for action in ("DeleteClusters", "RecoverClusters"):
        office.tell(action, clusters=[office.id])
        office.wait(HOUR)
    assert office.site.cluster.status == "active"
    assert client.files == {"kubeconfig", "loadbalancer"}


@pytest.mark.parametrize("version", TWO)
def test_the_menu_renews_all_certificates_of_every_master_whatever_their_age(version: str) -> None:
    records = within(life(version), "renew")
    renewed = of(records, "certificates.renewed")
    assert len(renewed) == (1 if version == "3.1.0" else 3)
    assert all(len(cast("list[str]", r.data["names"])) == 6 for r in renewed)
    assert {str(r.data["why"]) for r in of(records, "apiserver.down")} == {"it got SIGHUP"}


@pytest.mark.parametrize("version", ALL)
def test_services_stop_in_reverse_order(version: str) -> None:
    """Sshd is one of them from 3.0.0 on; timers are none at 1.x."""
    stopped = [r.data["service"] for r in of(within(life(version), "stop"), "service.stopped") if alias(r) == "master1"]
    timers = ["docker-prune.timer", "kube-certs.timer"] if version in TWO else []
    ssh = ["ssh"] if version not in (*ONE, "2.0.0") else []
    assert stopped == [*timers, "kubelet", *ssh, "docker", "etcd"]


@pytest.mark.parametrize("version", ONE)
def test_the_timers_of_2_0_0_are_services_once_1_x_is_upgraded(version: str) -> None:
    stopped = {str(r.data["service"]) for r in of(within(life(version), "again"), "service.stopped")}
    assert {"docker-prune.timer", "kube-certs.timer"} <= stopped


@pytest.mark.parametrize("version", ALL)
def test_a_deletion_goes_on_when_no_api_answers(version: str) -> None:
    """At 1.x a master tries to delete the console's Service first; whether it could is nobody's business."""
    fault = {"kind": "etcd.member-lost", "target": {"cluster": "shop", "role": "master", "index": 2}, "at": "1m"}
    other = {**fault, "target": {"cluster": "shop", "role": "master", "index": 3}}
    roles = {"master": 3, "node_perf": 3, "client": 1}
    result = tell(version, roles=roles, timeline=[{"at": "5m", "cluster": "shop", "delete": {}}], faults=[fault, other])
    assert code_of(result) == 0
    assert not of(result.records, "console.withdrawn")


@pytest.mark.guide("G-192")
@pytest.mark.parametrize("version", ONE)
def test_what_1_x_made_stays_when_the_upgraded_cluster_is_ceased_g192(version: str) -> None:
    left = [str(r.data["what"]) for r in of(within(life(version), "cease"), "resource.left")]
    assert {kind: left.count(kind) for kind in sorted(set(left))} == {
        "loadbalancer": 1,
        "security_group": 1,
        "volume": 11,
    }


@pytest.mark.guide("G-190")
@pytest.mark.parametrize("version", TWO)
def test_from_2_0_0_on_nothing_stays_g190(version: str) -> None:
    assert not of(life(version).records, "resource.left")


# --- Sizes


@pytest.mark.guide("G-126")
@pytest.mark.parametrize("version", ALL)
def test_workers_are_resized_all_at_once_at_1_x_and_one_after_another_from_2_0_0_on_g126(version: str) -> None:
    records = within(life(version), "resize")
    stops = {alias(r): r.t for r in of(records, "service.started", service="stop")}
    ends = {alias(r): r.t for r in of(records, "service.ended", service="start")}
    assert len(stops) == len(ends) == (2 if version == "3.1.0" else 3)
    if version in ONE:
        assert len(set(stops.values())) == 1
    else:
        names = sorted(stops, key=lambda name: stops[name])
        assert all(stops[later] >= ends[earlier] for earlier, later in pairwise(names))
    assert not of(records, "drain.started")


@pytest.mark.parametrize("version", ALL)
def test_a_disk_alone_grows_while_its_node_runs(version: str) -> None:
    records = within(life(version), "grow")
    assert not of(records, "service.started", "host.stopped", "node.not-ready")
    assert len(of(records, "node.resized")) == (2 if version == "3.1.0" else 3)


@pytest.mark.parametrize("version", ALL)
def test_masters_are_resized_one_after_another_at_every_version(version: str) -> None:
    resize = {"at": "5m", "cluster": "shop", "resize": {"role": "master", "memory": "32GiB"}}
    records = tell(version, roles={"master": 3, "node_perf": 3, "client": 1}, timeline=[resize]).records
    stops = [r.t for r in of(records, "service.started", service="stop")]
    ends = [r.t for r in of(records, "service.ended", service="start")]
    assert len(stops) == len(ends) == 3
    assert all(stop >= end for end, stop in zip(ends, stops[1:], strict=False))
    assert not of(records, "drain.started")


@pytest.mark.parametrize("version", [version for version in TWO if version in NEXT])
def test_upgrade_goes_master_by_master_and_then_to_the_workers(version: str) -> None:
    at = {alias(r): r.t for r in of(within(life(version), "upgrade"), "node.version")}
    masters = [at[name] for name in MASTERS if name in at]
    assert masters == sorted(masters)
    assert all(at[name] > masters[-1] for name in at if name.startswith("node_perf"))


# --- What fails: short stories


def tell(version: str, *clusters: Mapping[str, Any], roles: Mapping[str, int] | None = None, **parts: Any) -> RunResult:
    """Play a story of a standing cluster `shop`, of `clusters` instead, or of none."""
    counts = roles or {"master": 1, "node_perf": 3, "client": 1}
    shape = {name: {"count": count} for name, count in counts.items()}
    env = {} if version == "1.0.0" else {"install_kubesphere": False}
    standing = [] if "nobody" in parts else [{"name": "shop", "version": version, "roles": shape, "env": env}]
    parts.pop("nobody", None)
    document = {
        "kind": "Scenario",
        "metadata": {"name": "story"},
        "seed": 7,
        "world": {"zone": "pek3", "clusters": list(clusters) or standing},
        **parts,
    }
    return run_story(build_story(json.dumps(document), "story.yaml", lambda name: (SCENARIOS / name).read_text()))


def code_of(result: RunResult) -> int:
    """Return the code that the story's only action ended with."""
    (action,) = result.actions.values()
    assert action.status in ("done", "failed"), action.error
    return action.code


def remove(version: str, manifest: str) -> RunResult:
    """Remove the first of three workers of a cluster with a workload."""
    deletion = {
        "at": "5m",
        "cluster": "shop",
        "preflight": "report",
        "delete_nodes": {"role": "node_perf", "sids": [1]},
    }
    return tell(
        version,
        workloads=[{"cluster": "shop", "manifest": manifest}],
        timeline=[deletion],
    )


@pytest.mark.guide("G-186")
@pytest.mark.parametrize(
    ("version", "code", "minutes"),
    [
        *((version, 124, 1440) for version in ONE),
        *((version, 134, 120) for version in GENTLE),
        *((version, 134, 6) for version in FORCED),
    ],
)
def test_a_drain_that_cannot_end_lasts_as_long_as_its_version_lets_it_g186(
    version: str, code: int, minutes: int
) -> None:
    """G-186. 1.x has no limit of its own: the service is cut after a day, and nothing is taken back."""
    result = remove(version, "manifests/strict.yaml")
    assert code_of(result) == code
    begun = of(result.records, "drain.started")[0].t
    ended = of(result.records, "node.uncordoned" if code == 134 else "service.cut")[0].t
    assert abs(ended - begun - minutes * MINUTE) < 30 * SECOND
    assert bool(of(result.records, "node.uncordoned")) == (code == 134)
    assert not of(result.records, "node.removed")


@pytest.mark.guide("G-187")
@pytest.mark.parametrize("version", ALL)
def test_pods_with_data_on_their_node_hold_a_drain_up_from_2_0_0_to_3_1_1_g187(version: str) -> None:
    result = remove(version, "manifests/local.yaml")
    assert code_of(result) == (134 if version in GENTLE else 0)
    assert bool(of(result.records, "node.removed")) == (version not in GENTLE)


@pytest.mark.parametrize("version", ALL)
def test_two_workers_must_be_left_from_2_0_0_on(version: str) -> None:
    deletion = {"at": "5m", "cluster": "shop", "preflight": "report", "delete_nodes": {"role": "node_perf", "count": 2}}
    assert code_of(tell(version, timeline=[deletion])) == (0 if version in ONE else 135)


@pytest.mark.parametrize("version", TWO)
@pytest.mark.parametrize(("perf", "large", "code"), [(2, 1, 0), (1, 1, 135)])
def test_workers_of_all_roles_count_together(version: str, perf: int, large: int, code: int) -> None:
    deletion = {"role": "node_super_perf", "count": 1}
    timeline = [{"at": "5m", "cluster": "shop", "preflight": "report", "delete_nodes": deletion}]
    roles = {"master": 1, "node_perf": perf, "node_super_perf": large, "client": 1}
    assert code_of(tell(version, roles=roles, timeline=timeline)) == code


@pytest.mark.guide("G-127")
@pytest.mark.parametrize("version", ALL)
def test_a_volume_hangs_on_a_deleted_node_only_with_the_driver_of_1_x_g127(version: str) -> None:
    records = within(life(version), "down-to-one" if version in ONE else "delete-nodes")
    assert bool(of(records, "kube.warned", reason="FailedDetachVolume")) == (version in ONE)


@pytest.mark.parametrize("version", ALL)
def test_without_an_api_a_failed_drain_cannot_be_taken_back(version: str) -> None:
    """136 from 2.0.0 on; 1.x waits 60 times for the API before it drains, and gives up with 1."""
    deletion = {"at": "5m", "cluster": "shop", "preflight": "report", "delete_nodes": {"role": "node_perf", "count": 1}}
    fault = {"kind": "node.crash", "target": {"cluster": "shop", "role": "master", "index": 2}, "at": "1m"}
    other = {**fault, "target": {"cluster": "shop", "role": "master", "index": 3}}
    roles = {"master": 3, "node_perf": 3, "client": 1}
    assert code_of(tell(version, roles=roles, timeline=[deletion], faults=[fault, other])) == (
        1 if version in ONE else 136
    )


def born(version: str, *faults: Mapping[str, Any], masters: int = 1, kubesphere: bool = True) -> RunResult:
    """Create a cluster amid faults."""
    group = catalog().express_groups(version)[2 if masters == 3 else 0]
    env = {"install_kubesphere": False} if version != "1.0.0" and not kubesphere else {}
    creation = {"name": "shop", "version": version, "express": group, "env": env}
    return tell(version, nobody=True, timeline=[{"at": "0s", "create": creation}], faults=list(faults))


@pytest.mark.parametrize(
    ("version", "code"),
    [
        *((version, 124) for version in ("1.0.0", "1.0.1", "2.0.0", "3.0.0", "3.1.0", "3.1.1")),
        *((version, 131) for version in FORCED),
    ],
)
def test_a_slow_installer_ends_with_131_or_is_cut_where_the_limit_is_shorter_than_the_patience(
    version: str, code: int
) -> None:
    slow = {"kind": "installer.slow", "target": {"cluster": "shop"}, "percent": 6000, "at": "1m"}
    result = born(version, slow)
    assert code_of(result) == code
    cut = of(result.records, "service.cut")
    assert [r.data["timeout_s"] for r in cut] == ([] if code == 131 else [3600 if version[:3] == "3.1" else 1200])


@pytest.mark.parametrize("version", TWO)
def test_132_ends_a_creation_and_130_only_restarts_the_installer(version: str) -> None:
    bad = {"kind": "installer.fails", "target": {"cluster": "shop"}, "attempt": 1, "percent": 50, "at": "1m"}
    incomplete = born(version, {**bad, "outcome": "incomplete"})
    assert code_of(incomplete) == 132
    failed = born(version, {**bad, "outcome": "failed"})
    assert code_of(failed) == 0
    assert of(failed.records, "installer.restarted")


@pytest.mark.parametrize("version", ALL)
def test_a_refused_balancer_is_133_from_2_0_0_on_and_nobodys_business_at_1_x(version: str) -> None:
    refused = {"kind": "call.fails", "operation": "CreateLoadBalancer", "count": 9, "at": "1s"}
    assert code_of(born(version, refused, masters=3, kubesphere=False)) == (0 if version in ONE else 133)


@pytest.mark.parametrize("version", ALL)
def test_a_balancer_that_is_never_active_is_255_at_1_x_and_133_later(version: str) -> None:
    stuck = {"kind": "lb.never-active", "at": "1s"}
    assert code_of(born(version, stuck, masters=3, kubesphere=False)) == (255 if version in ONE else 133)


@pytest.mark.parametrize("version", TWO)
def test_an_installer_whose_pod_nobody_finds_is_128_when_the_patience_is_spent(version: str) -> None:
    office = Office({"name": "shop", "version": version, "express": catalog().express_groups(version)[0]})
    site, client = office.site, office.site.hosts["client1"]
    client.files.update(("kubeconfig", "loadbalancer"))
    for name in site.plane.masters:
        _ = site.plane.set_process(name, up=False, cause=0)
    running = client.execute(run_command(Run(site, client, "init", version), 0))
    office.kernel.run(3 * HOUR)
    assert running.done.value == 128
    (ended,) = of(office.records, "wait.ended", what="kubesphere-installer")
    assert ended.data["looks"] == since(WAITS["kubesphere-installer"], version)[0]


@pytest.mark.parametrize("version", TWO)
def test_a_node_whose_dns_is_broken_is_143_from_3_1_0_on(version: str) -> None:
    office = Office()

    def damage(record: TraceRecord) -> None:
        if record.kind == "host.booted" and record.subject == "shop/node_perf1":
            office.site.hosts["node_perf1"].dns_broken = True

    office.kernel.trace.observers.append(damage)
    group = catalog().express_groups(version)[0]
    job = office.deploy(wish(version=version, express=group, env={"install_kubesphere": False}))
    assert job.code == (0 if version in ("2.0.0", "3.0.0") else 143)
    if job.code:
        (ended,) = of(office.records, "wait.ended", what="local-dns", code=1)
        assert ended.data["looks"] == 5


NET = {"id": "vxnet-a1b2c3d", "network": "192.168.1.0/24"}
FAR = {"id": "vxnet-f1f2f3f", "network": "172.16.1.0/24"}
VPCS = [
    {
        "id": "rtr-a1b2c3d4",
        "network": "192.168.0.0/16",
        "vxnets": [NET, {**NET, "id": "vxnet-b1b2b3b", "network": "192.168.2.0/24"}],
    },
    {"id": "rtr-f1f2f3f4", "network": "172.16.0.0/16", "vxnets": [FAR]},
]


@pytest.mark.parametrize("version", [version for version in TWO if operations().can(version, "hostnic")])
@pytest.mark.parametrize(
    ("vxnets", "nics", "code"),
    [("vxnet-b1b2b3b", 60, 0), ("vxnet-nothere", 60, 139), ("vxnet-f1f2f3f", 60, 142)],
)
def test_what_hostnic_finds_ends_the_creation(version: str, vxnets: str, nics: int, code: int) -> None:
    office = Office(vpcs=VPCS)
    env = {
        "install_kubesphere": False,
        "network_plugin": "hostnic",
        "hostnic-vxnets": vxnets,
        "hostnic-max-nics": nics,
    }
    group = catalog().express_groups(version)[0]
    job = office.deploy(wish(version=version, express=group, vxnet="vxnet-a1b2c3d", env=env))
    assert job.code == code


# --- Nights


@pytest.mark.parametrize("version", ONE)
def test_at_midnight_1_0_1_kills_the_control_plane_and_1_0_0_does_not(version: str) -> None:
    records = life(version).records
    midnight = 23 * HOUR  # Runs begin at 01:00.
    killed = [r for r in of(records, "apiserver.down") if r.t == midnight]
    assert {alias(r) for r in killed} == (set(MASTERS) if version == "1.0.1" else set())
    assert all(r.data["why"] == "killed at midnight" for r in killed)


@pytest.mark.parametrize(
    ("version", "begins_s", "ends_s"),
    [("1.0.0", 0, 0), ("2.0.0", 8700, 9300), ("3.0.0", 8700, 9300), ("3.3.0", 8700, 9300)],
)
def test_certificates_are_renewed_at_the_hour_of_their_version(version: str, begins_s: int, ends_s: int) -> None:
    """Midnight at 1.x, 02:25 and up to 600 s later from 2.0.0 on; 1.0.0 never loads what it renewed."""
    year = {"at": "380d", "wait": {}}
    result = tell(version, roles={"master": 1, "node_perf": 2, "client": 1}, timeline=[year], until="400d")
    fired = of(result.records, "timer.fired", timer="kube-certs")
    assert fired
    for record in fired:
        assert begins_s <= (record.t // SECOND + 3600) % 86_400 <= ends_s
    assert len(of(result.records, "certificates.renewed")) == len(fired)
    assert bool(of(result.records, "certificate.ended")) == (version == "1.0.0")
