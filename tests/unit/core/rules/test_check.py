"""All rules together: nothing is said twice, the gravest comes first."""

from __future__ import annotations

import json

import pytest

from qke_core.models import ClusterDocument
from qke_core.rules import check_cluster

WISH = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "version": "3.3.0", "zone": "pek3"}


@pytest.mark.parametrize(
    ("text", "code"), [("fd00::/64", "network.ipv6"), ("10.10.0.0/33", "network.cidr"), ("x", "network.cidr")]
)
def test_a_malformed_range_is_said_once_by_the_rule_that_knows_best(text: str, code: str):
    wish = ClusterDocument.model_validate_json(json.dumps({**WISH, "env": {"pod_subnet": text}}))
    found = [finding.code for finding in check_cluster(wish, None) if finding.path == ("env", "pod_subnet")]
    assert found == [code]


def test_another_malformed_value_is_still_said():
    wish = ClusterDocument.model_validate_json(json.dumps({**WISH, "env": {"cluster_port_range": "low-high"}}))
    found = [finding.code for finding in check_cluster(wish, None) if finding.path == ("env", "cluster_port_range")]
    assert found == ["parameter.pattern"]


def test_the_gravest_comes_first():
    roles = {"master": {"count": 2}, "node_perf": {"count": 3}}
    wish = ClusterDocument.model_validate_json(json.dumps({**WISH, "roles": roles}))
    ranks = ["blocker", "warning", "note"]
    found = [ranks.index(finding.severity) for finding in check_cluster(wish, None)]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2}
