"""Do the reads of Kubernetes and of hosts understand their replies?"""

from __future__ import annotations

import pytest

from qke_core.effects import DiskFree, Json, JsonObject, KubeNodeView, ListNodes, ListUnboundClaims, SshPort


def kube_node(name: str, ready: str = "True", **meta: Json) -> JsonObject:
    return {
        "metadata": {"name": name, **meta},
        "spec": {},
        "status": {
            "conditions": [{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": ready}],
            "nodeInfo": {"kubeletVersion": "v1.16.7"},
        },
    }


@pytest.mark.guide("G-108")
def test_kubernetes_nodes_are_read_in_order_of_name():
    """G-108: before 3.0.0 a node's name is its instance id."""
    nodes = ListNodes("cl-1").parse_reply({"items": [kube_node("i-2", "Unknown"), kube_node("i-1")]})
    assert nodes == (
        KubeNodeView("i-1", ready=True, schedulable=True, kubelet_version="1.16.7", instance_id="i-1"),
        KubeNodeView("i-2", ready=False, schedulable=True, kubelet_version="1.16.7", instance_id="i-2"),
    )


def test_an_annotated_node_tells_its_instance():
    item = kube_node("worker-s001", annotations={"node.beta.kubernetes.io/instance-id": "i-7"})
    (node,) = ListNodes("cl-1").parse_reply({"items": [{**item, "spec": {"unschedulable": True}}]})
    assert (node.name, node.instance_id, node.schedulable) == ("worker-s001", "i-7", False)


def test_a_node_that_says_nothing_is_not_ready():
    (node,) = ListNodes("cl-1").parse_reply({"items": [{"metadata": {"name": "i-1"}}]})
    assert (node.ready, node.kubelet_version) == (False, "")


def test_claims_that_are_not_bound_are_named_with_their_namespace():
    def claim(name: str, phase: str | None) -> JsonObject:
        return {"metadata": {"namespace": "shop", "name": name}, "status": {"phase": phase}}

    items: list[Json] = [claim("z", "Pending"), claim("b", "Bound"), claim("l", "Lost"), claim("n", None)]
    assert ListUnboundClaims("cl-1").parse_reply({"items": items}) == ("shop/l", "shop/n", "shop/z")


def test_requests_to_kubernetes_and_hosts_are_words():
    assert ListNodes("cl-1").params() == {"verb": "list", "resource": "nodes"}
    assert ListUnboundClaims("cl-1").params() == {"verb": "list", "resource": "persistentvolumeclaims"}
    assert DiskFree("cl-1", "cln-1").params() == {"command": "df", "path": "/data"}
    assert SshPort("cl-1", "cln-1").params() == {"command": "sshd-port"}
    assert DiskFree("cl-1", "cln-1").parse_reply(51_200) == 51_200
    assert SshPort("cl-1", "cln-1").parse_reply(22) == 22
