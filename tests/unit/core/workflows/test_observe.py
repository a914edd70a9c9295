"""Is what three doors say put together rightly, and does a silent door stay None?"""

from __future__ import annotations

import pytest

from qke_core.errors import InputError, RefusedError, RemoteError
from qke_core.models import NodeObservation
from qke_core.workflows import observe_cluster


def test_three_doors_make_one_observation(world):
    world.claims = [{"metadata": {"namespace": "shop", "name": "data"}, "status": {"phase": "Pending"}}]
    world.modules = "ks-devops"
    world.node("node_perf-2").update(ready=False, disk=40_000, port=2222)
    observed = world.run(observe_cluster("cl-1"))
    assert (observed.cluster_id, observed.name, observed.version) == ("cl-1", "shop", "1.0.1")
    assert (observed.status, observed.transition) == ("active", "")
    assert (observed.kubesphere, observed.modules, observed.unbound_claims) == (True, ("ks-devops",), ("shop/data",))
    assert observed.workers[1] == NodeObservation(
        node_id="cln-node_perf-2",
        instance_id="i-node_perf-2",
        name="node_perf-2",
        role="node_perf",
        sid=2,
        status="active",
        ready=False,
        kubelet="1.13.5",
        data_free_mb=40_000,
        ssh_port=2222,
    )


def test_nodes_come_in_the_order_of_the_catalogue(world):
    observed = world.run(observe_cluster("cl-1"))
    assert [node.name for node in observed.nodes] == [
        *("master-1", "master-2", "master-3"),
        *("node_perf-1", "node_perf-2", "node_perf-3"),
        "client-1",
    ]
    assert [node.name for node in observed.masters] == ["master-1", "master-2", "master-3"]
    assert [node.name for node in observed.clients] == ["client-1"]
    assert len(observed.k8s_nodes) == 6


def test_the_client_is_no_kubernetes_node_and_has_no_data_disk(world):
    (client,) = world.run(observe_cluster("cl-1")).clients
    assert (client.ready, client.kubelet, client.data_free_mb, client.ssh_port) == (None, None, None, 22)


def test_a_large_cluster_is_seen_whole(make_world):
    observed = make_world(workers=100, clients=1).run(observe_cluster("cl-1"))
    assert len(observed.nodes) == 104
    assert [node.sid for node in observed.workers] == list(range(1, 101))


def test_a_silent_api_server_is_an_observation(world):
    world.closed.add("kube")
    observed = world.run(observe_cluster("cl-1"))
    assert observed.unbound_claims is None
    assert {(node.ready, node.kubelet) for node in observed.nodes} == {(None, None)}
    assert observed.masters[0].data_free_mb == 60_000


def test_a_silent_node_is_an_observation(world):
    world.closed.add("cln-master-2")
    first, second, _ = world.run(observe_cluster("cl-1")).masters
    assert (first.data_free_mb, first.ssh_port) == (60_000, 22)
    assert (second.data_free_mb, second.ssh_port, second.ready) == (None, None, True)


def test_a_stopped_node_is_not_asked(world):
    world.node("client-1")["status"] = "stopped"
    (client,) = world.run(observe_cluster("cl-1")).clients
    assert (client.status, client.ssh_port) == ("stopped", None)
    assert world.asked["host.ssh-port"] == 6


def test_a_busy_cloud_is_asked_again(world):
    world.trouble = [("cloud.describe-cluster", "busy"), ("cloud.describe-cluster-nodes", "lost-before")]
    assert len(world.run(observe_cluster("cl-1")).nodes) == 7
    assert world.asked["time.sleep"] == 2


def test_a_cloud_that_stays_busy_is_an_error(world):
    world.trouble = [("cloud.describe-cluster", "busy")] * 20
    with pytest.raises(RemoteError, match=r"cloud\.refused"):
        world.run(observe_cluster("cl-1"))
    assert world.asked["time.sleep"] == 9


def test_an_unknown_cluster_is_an_input_error(world):
    with pytest.raises(InputError) as caught:
        world.run(observe_cluster("cl-2"))
    assert (caught.value.code, caught.value.sentence) == ("cluster.unknown", "There is no cluster 'cl-2'")


def test_a_version_that_the_catalogue_does_not_know_is_refused(world):
    world.cluster["app_version"] = "appv-00000000"
    with pytest.raises(RefusedError) as caught:
        world.run(observe_cluster("cl-1"))
    assert caught.value.code == "cluster.version-unknown"
    assert caught.value.facts == {"app_version": "appv-00000000"}
