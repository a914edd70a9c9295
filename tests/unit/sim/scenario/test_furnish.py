"""What a scenario brings into a cluster that is created is made as Kubernetes makes it."""

from __future__ import annotations

from qke_sim.scenario import build_story, run_story

STORY = """
apiVersion: qke/v1
kind: Scenario
metadata: {name: furnish}
world: {zone: pek3}
workloads: [{cluster: dev, manifest: web.yaml}]
timeline:
  - {at: 0s, create: {name: dev, version: 3.3.0, express: standard dev, env: {install_kubesphere: false}}}
  - {after: create.done, delay: 10m, wait: {}}
expect: [{at_end: 'dev.workload.web.available'}]
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.17"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
"""


def test_a_service_of_a_new_cluster_gets_its_balancer() -> None:
    result = run_story(build_story(STORY, "furnish.yaml", lambda _: WEB))
    assert result.held
    assert result.measures["quota.loadbalancer.used"] == 1
