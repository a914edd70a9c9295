"""Change cluster parameters: judged by the form, told to all nodes at once, and reloaded there without any order.

Rule: QKE app repo, app/config.json; user guide G-048 to G-060, G-071, G-076, G-080, G-094, G-175.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from qke_core.catalog import Value, operations, parameters
from qke_core.effects import Json
from qke_core.models import Settings
from qke_core.models.settings import Given, plain_value
from qke_core.plan.change import ChangeParameters, apply
from qke_core.rules.values import check_value
from qke_sim.cloud import Call, Cloud, Cluster, denied
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.lookup import alive
from qke_sim.kernel import Process
from qke_sim.platform.ask import cluster_of
from qke_sim.platform.conf import bad, json_object
from qke_sim.platform.metadata import tell
from qke_sim.platform.platform import Platform, Task
from qke_sim.platform.services import Command, run_anywhere
from qke_sim.platform.state import state_of

MODULES = "extra.modules"


@dataclass(frozen=True, slots=True)
class Reload:
    """The rank of a reload: no service of the definition, but what confd runs on every node."""

    order: int = 0

    @property
    def timeout_ms(self) -> int:
        """As long as any service without a limit of its own (assumed)."""
        return operations().constants["service_timeout_s"] * 1000


def update_environment(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer UpdateClusterEnvironment: all parameters of one call change together."""
    cluster = cluster_of(platform, call)
    given = _given(call)
    platform.require("change-parameters", cluster)
    values = _judge(platform.cloud, cluster, given)
    site = platform.sites.of(cluster.id)
    job = platform.begin("change-parameters", site, call, lambda task: _change(task, values))
    shown = cast("Json", dict(given))
    return {
        "cluster_id": cluster.id,
        "role": "",
        "updated_env": [{"role": "", "env": shown}],
        "job_id": job.job_id,
    }


def _given(call: Call) -> Mapping[str, Json]:
    env = call.params.get("env")
    found = env if isinstance(env, Mapping) else json_object("env", call.required("env"))
    if not found:
        raise bad("parameter [env] is empty")
    return found


def _judge(cloud: Cloud, cluster: Cluster, given: Mapping[str, Json]) -> dict[str, Value]:
    """Return the values that change; what has its value already is taken and does nothing.

    Raises:
        CloudRefusal: 1100 for an unknown key or a value that does not fit, 1400 for what cannot change, 2100.
    """
    known = parameters().env(cluster.version)
    values: dict[str, Value] = {}
    for key, value in given.items():
        if key not in known:
            raise bad(f"[{key}] is not a parameter of cluster [{cluster.id}]")
        if not isinstance(value, str | int | bool):
            raise bad(f"invalid value [{value}] of parameter [{key}]")
        for flaw in check_value(known[key], cast("Given", value)):
            raise bad(f"invalid value [{value}] of parameter [{key}]: {flaw.sentence}")
        plain = plain_value(cast("Given", value))
        if plain == cluster.env.values.get(key):
            continue
        if not known[key].changeable:
            raise denied(f"parameter [{key}] of cluster [{cluster.id}] can not be changed after creation")
        if known[key].type == "eip" and plain and cloud.world.eips is not None:
            alive(cloud, Eip, str(plain))
        values[key] = plain
    return values


def _change(task: Task, values: Mapping[str, Value]) -> Process[int]:
    """Store the values and tell the nodes; every running node renders its files and reloads what it must."""
    site, cluster, seq = task.site, task.cluster, task.cause
    if not values:
        return task.end(0, seq)
    before = cluster.env
    seq = tell(site, "parameters changed", set_values(task, values, seq))
    hosts = [host for host in site.hosts.values() if host.up]
    params: dict[str, Json] = {"before": dict(before.values), "after": dict(cluster.env.values)}
    command = Command("reload", cluster.version, params=params)
    ended = yield from run_anywhere(site, hosts, command, Reload(), seq)
    return task.end(0, ended.seq)


def set_values(task: Task, values: Mapping[str, Value], cause: int) -> int:
    """Set parameters, and what follows from them by itself: installed modules, roles that await a restart."""
    cluster = task.cluster
    after = apply(ChangeParameters(values), state_of(task.site))
    cluster.env = Settings(cluster.version, after.settings.values)
    cluster.awaits_restart = after.awaits_restart
    if MODULES in values and cluster.env.install_kubesphere:
        cluster.modules = tuple(sorted({*cluster.modules, *cluster.env.modules}))
    return task.kernel.trace.add("parameters.changed", cluster.name, cause, keys=", ".join(values))
