"""A twin for tests, and somebody who asks its platform for things and waits until they are done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from qke_core.catalog import catalog
from qke_core.effects import JsonObject
from qke_core.models import ClusterDocument, ClusterState, World
from qke_core.resources import Resource
from qke_core.workflows.create import CHARGE_MODES, conf_of
from qke_sim.cloud import Call, CloudRefusal, Job
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.platform import state_of
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

FOREVER_MS = 2 * 86_400_000
"""Longer than any service may take."""
SHOP = "shop"


def wish(**parts: object) -> ClusterState:
    """Return a wish for a cluster `shop` in pek3."""
    document = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", "name": SHOP, **parts}
    return ClusterState.of_wish(ClusterDocument.model_validate_json(json.dumps(document)))


class Office:
    """A started twin; `shop` is the cluster that most questions are about."""

    def __init__(
        self,
        *clusters: Mapping[str, Any],
        seed: int = 7,
        watched: Callable[[Twin], object] = lambda _: None,
        **world: object,
    ) -> None:
        """Begin with the clusters of a World, `shop` first; `watched` is told of the twin before it starts."""
        self.kernel = Kernel(seed)
        self.kernel.trace.add("run.started", "office", None, scenario="office", seed=seed)
        text = json.dumps({"zone": "pek3", "clusters": clusters, **world})
        self.twin = Twin(self.kernel, World.model_validate_json(text), {})
        watched(self.twin)
        self.twin.start(0)

    @property
    def site(self) -> Site:
        """The cluster `shop`."""
        return self.twin.site(SHOP)

    @property
    def id(self) -> str:
        """Its id."""
        return self.site.cluster.id

    @property
    def state(self) -> ClusterState:
        """What it is now."""
        return state_of(self.site)

    @property
    def records(self) -> list[TraceRecord]:
        """What has happened."""
        return self.kernel.trace.records

    def deploy(self, wished: ClusterState) -> Job:
        """Create a cluster and wait for the job."""
        version = catalog().version(wished.version).app_version_id
        mode = CHARGE_MODES[wished.billing.mode]
        return self.ask("DeployAppVersion", version_id=version, conf=conf_of(wished), charge_mode=mode)

    def ask(self, action: str, **params: object) -> Job:
        """Ask for an operation that must be taken, and wait until nothing goes on any more; return its job."""
        answer = self.tell(action, **params)
        if answer["ret_code"]:
            raise AssertionError(f"{action} was answered {answer}")
        jobs = cast("Mapping[str, str]", answer.get("job_ids") or {"": answer.get("job_id", "")})
        self.kernel.run(self.kernel.now + FOREVER_MS)
        return self.twin.cloud.jobs[next(iter(jobs.values()))]

    def tell(self, action: str, **params: object) -> Mapping[str, Any]:
        """Make a call and return its answer as soon as it comes."""
        call = self.twin.cloud.call(action, cast("JsonObject", params), "user", 0)
        running = self.kernel.spawn(call)
        while not running.triggered:
            self.kernel.env.step()
        return cast("Mapping[str, Any]", running.value)

    def refused(self, action: str, **params: object) -> tuple[int, str]:
        """See a request refused and nothing changed by it, at one instant; return code and message.

        Raises:
            AssertionError: it was taken, or changed something.
        """
        before = self.twin.digest()
        try:
            self.twin.cloud.handlers[action](Call("user", cast("JsonObject", params), 0))
        except CloudRefusal as refusal:
            if self.twin.digest() != before:
                raise AssertionError(f"{action} was refused and changed something") from refusal
            return refusal.ret_code, refusal.message
        raise AssertionError(f"{action} was not refused")

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.kernel.later(ms, lambda: None)
        self.kernel.run(self.kernel.now + ms)

    def charged(self, owner: str = SHOP) -> list[Resource]:
        """List what counts for a cluster now, in the order of ids."""
        found = [thing.charged() for thing in self.twin.cloud.store.everything() if thing.owner == owner]
        return sorted((part for part in found if part is not None), key=lambda part: part.id)

    def find(self, kind: str, subject: str = "") -> list[TraceRecord]:
        """List the records of a kind."""
        return [record for record in self.records if record.kind == kind and subject in ("", record.subject)]

    def node_ids(self, *aliases: str) -> list[str]:
        """Return the node ids of `shop` by alias."""
        return [node.id for alias in aliases for node in self.site.cluster.nodes if node.alias == alias]
