"""The same operation planned and played: what the planner says of it, and what it comes to in the twin.

Both start from one World. What is compared: how long the job takes, how long no API server answers, what is used of the
quotas at the peak and afterwards, what everything costs afterwards. Two parts of ours are compared, not a part with
reality.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from qke_core.billing import default_prices, hourly
from qke_core.effects import Json
from qke_core.models import ON_DEMAND, ClusterDocument, ClusterState, World
from qke_core.plan import Step, plan_cluster
from qke_core.plan.schedule import Stage
from qke_core.quota import Usage, usage_of
from qke_core.resources import Resource
from qke_sim.cloud.meter import Reader
from qke_sim.scenario import Story, build_story, run_story
from qke_sim.trace import TraceRecord

SHOP, ZONE = "shop", "pek3"
EIPS = ("eip-a1b2c3d4", "eip-b1b2c3d4")
VXNET = "vxnet-a1b2c3d"
AROUND: Mapping[str, Json] = {
    "zone": ZONE,
    "eips": [{"id": name, "address": f"139.198.0.{10 + at}", "icp": True} for at, name in enumerate(EIPS)],
    "vpcs": [
        {"id": "rtr-a1b2c3d4", "network": "192.168.0.0/16", "vxnets": [{"id": VXNET, "network": "192.168.1.0/24"}]}
    ],
}
"""What every World here has beside the cluster."""

FOR_GOOD = ("stop", "delete")
"""Operations after which no API server answers."""
STOPS_THE_API = frozenset({"instance", "docker", "kube-apiserver"})
"""Whatever of a master restarts with one of these, its API server does not answer meanwhile."""


def document(parts: Mapping[str, Json]) -> ClusterDocument:
    """Return a wish for the cluster `shop`."""
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": SHOP, "zone": ZONE, **parts}
    return ClusterDocument.model_validate_json(json.dumps(data))


@dataclass(frozen=True, slots=True)
class Foretold:
    """What the planner says: the step, and the cluster before it."""

    step: Step
    before: ClusterState

    @property
    def gone_ms(self) -> int | None:
        """For how long at most no API server answers, milliseconds; None when none does any more."""
        if self.step.operation in FOR_GOOD:
            return None
        return sum(stage.felt.max_ms for stage in self.step.schedule.stages if self._takes_the_api(stage))

    def _takes_the_api(self, stage: Stage) -> bool:
        """Whether it stops all API servers: those of all masters at once, or the only one."""
        touches = stage.touches
        stops = "master" in touches.roles and not STOPS_THE_API.isdisjoint(touches.restarts)
        return stops and (touches.manner == "at-once" or not self.before.ha)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One operation on a cluster `shop`.

    `stands` is the cluster as a World lists it, None when it is to be created; `wish` what the wish says beside its
    name; `does` the entry of the timeline that asks for it; `restart` the role that the plan is told to restart.
    """

    name: str
    version: str
    stands: Mapping[str, Json] | None
    wish: Mapping[str, Json]
    does: Mapping[str, Json]
    restart: str = ""

    def plan(self) -> Foretold:
        """Return what the planner says of it; the wish must come to one step."""
        planned = plan_cluster(self._document(), self._world(), restart=(self.restart,) if self.restart else ())
        if planned.plan is None or len(planned.plan.steps) != 1:
            found = planned.plan.steps if planned.plan is not None else planned.blockers
            raise AssertionError(f"{self.name} of {self.version} is no single step: {found}")
        return Foretold(planned.plan.steps[0], planned.plan.before)

    def story(self) -> Story:
        """Return the story in which an operator asks for the operation and nothing else happens."""
        cluster = {} if "create" in self.does else {"cluster": SHOP}
        story: Json = {
            "apiVersion": "qke/v1",
            "kind": "Scenario",
            "metadata": {"name": "rehearsal"},
            "world": self._around(),
            "timeline": [{"at": "0s", "name": "act", **cluster, **self.does}],
        }
        return build_story(json.dumps(story), f"{self.name} {self.version}", lambda _: "")

    def _around(self) -> dict[str, Json]:
        stands = self.stands
        clusters = [] if stands is None else [{"name": SHOP, "version": self.version, "vxnet": VXNET, **stands}]
        return {**AROUND, "clusters": clusters}

    def _world(self) -> World:
        return World.model_validate_json(json.dumps(self._around()))

    def _document(self) -> ClusterDocument:
        return document({"version": self.version, **self.wish})


@dataclass(slots=True)
class Played:
    """What came of it with one luck. Times in milliseconds; quotas and money are the difference to what stood before.

    `gone_ms` is how long no API server answered in all, where one did before; None when none answers any more.
    `back_ms`: after how long one answered where none did before. `status` is the operator's.
    """

    status: str = ""
    code: int = 0
    took_ms: int = 0
    gone_ms: int | None = 0
    back_ms: int = 0
    peak: Mapping[str, int] = field(default_factory=dict[str, int])
    takes: Mapping[str, int] = field(default_factory=dict[str, int])
    frees: Mapping[str, int] = field(default_factory=dict[str, int])
    cost_per_hour: Decimal = Decimal(0)


class _Watch:
    """Follows one run: the cluster's job, the API, what stands."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.job, self.began, self.ended = "", 0, 0
        self.gone: list[int] = []
        self.back: list[int] = []
        self.answered = True
        self.first: Usage | None = None
        self.rate = Decimal(0)
        self.most: dict[str, int] = {}

    def look(self, record: TraceRecord) -> None:
        self.reader.read(record)
        if record.kind == "action.started":
            self.first, self.rate = usage_of(self.standing()), self.price()
            self.answered = not self.gone
        elif record.kind == "job.created" and not self.job:
            self.job, self.began = record.subject, record.t
        elif record.kind == "job.ended" and record.subject == self.job:
            self.ended = record.t
        elif record.kind == "api.unavailable":
            self.gone.append(record.t)
        elif record.kind == "api.available" and len(self.back) < len(self.gone):
            self.back.append(record.t)
        if record.kind.startswith("resource."):
            now = usage_of(self.standing())
            self.most = {kind: max(now.get(kind), self.most.get(kind, 0)) for kind in (*now, *self.most)}

    def standing(self) -> list[Resource]:
        return [found for owner in self.reader.standing().values() for found in owner.values()]

    def price(self) -> Decimal:
        return hourly(self.standing(), default_prices(), ZONE, ON_DEMAND)

    def outage(self) -> int | None:
        """Return how long no API server answered; None when it did not come back."""
        if not self.answered:
            return 0
        if len(self.back) < len(self.gone):
            return None
        return sum(back - gone for gone, back in zip(self.gone, self.back, strict=True))


def play(story: Story, seed: int) -> Played:
    """Run the story with one luck, to its end."""
    watch = _Watch()
    result = run_story(story, seed=seed, level="summary", observer=watch.look)
    action = result.actions["act"]
    before, after = watch.first or Usage(), usage_of(watch.standing())
    return Played(
        status=action.status,
        code=action.code,
        took_ms=watch.ended - watch.began,
        gone_ms=watch.outage(),
        back_ms=0 if watch.answered or not watch.back else watch.back[0] - watch.began,
        peak=Usage.of(watch.most).beyond(before).amounts,
        takes=after.beyond(before).amounts,
        frees=before.beyond(after).amounts,
        cost_per_hour=watch.price() - watch.rate,
    )
