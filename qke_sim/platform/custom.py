"""The services in the cluster's menu: docker_prune and renew_certs, on all nodes of a role at once.

Source: QKE app repo, app/cluster.json.mustache, custom services, and app/config.json, service_params.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from qke_core.catalog import operations, parameters
from qke_core.catalog.operation_facts import ServiceName
from qke_core.effects import Json
from qke_core.rules.values import check_value
from qke_sim.cloud import Call, denied
from qke_sim.kernel import Process
from qke_sim.platform.ask import cluster_of, role_of
from qke_sim.platform.conf import bad, json_object
from qke_sim.platform.platform import Platform, Task
from qke_sim.platform.services import Command, run_service

ARGUMENTS: Mapping[str, Mapping[str, str]] = {"docker_prune": {"max_days": "docker_prune_days"}, "renew_certs": {}}
"""By service: what the command takes, and the parameter of the form that it stands for. People may write either."""


def run_custom_service(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer RunClusterCustomService."""
    cluster = cluster_of(platform, call)
    role, service = role_of(call, "role", cluster), call.required("service")
    platform.require("restart", cluster)
    rank = operations().service(role, cast("ServiceName", service), cluster.version)
    if service not in ARGUMENTS or rank is None:
        raise denied(f"role [{role}] of cluster [{cluster.id}] has no custom service [{service}]")
    params = _params(call, service, cluster.version)

    def work(task: Task) -> Process[int]:
        hosts = [host for host in task.site.hosts.values() if host.node.role == role]
        ended = yield from run_service(task.site, hosts, Command(service, cluster.version, params=params), task.cause)
        return task.end(ended.code, ended.seq)

    job = platform.begin("restart", platform.sites.of(cluster.id), call, work, "RunClusterCustomService")
    return {"cluster_id": cluster.id, "role": role, "service": service, "job_id": job.job_id}


def _params(call: Call, service: str, version: str) -> dict[str, Json]:
    """Return the arguments of the command, defaults included.

    Raises:
        CloudRefusal: 1100.
    """
    given = json_object("service_params", call.text("service_params") or "{}")
    known, names = parameters().service(version), ARGUMENTS[service]
    for key in given:
        if key not in names and key not in names.values():
            raise bad(f"[{key}] of service_params is unknown")
    found: dict[str, Json] = {}
    for argument, key in names.items():
        default = known[key].default
        value = given.get(argument, given.get(key, default))
        text = str(value)
        number = int(text) if text.isdecimal() else -1
        for flaw in check_value(known[key], number, argument):
            raise bad(f"invalid value [{text}] of [{argument}] of service_params: {flaw.sentence}")
        found[argument] = number
    return found
