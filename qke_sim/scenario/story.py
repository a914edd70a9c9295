"""A story: a checked scenario with everything it needs to be run, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qke_core.documents import Source
from qke_core.models import AutoscalingPolicy, ClusterDocument, ClusterState, ClusterWish, World
from qke_core.rules import Finding, check_cluster
from qke_sim.cloud.notification import place_list
from qke_sim.kernel import Kernel
from qke_sim.kube import Objects
from qke_sim.kube.manifest import read_manifest
from qke_sim.scenario.action import Action
from qke_sim.scenario.cast import Member, cast_of
from qke_sim.scenario.measures import Board
from qke_sim.scenario.model import Scenario
from qke_sim.twin import Twin


@dataclass(frozen=True, slots=True)
class Story:
    """A checked scenario with everything it needs.

    `files` are the texts it is made of, by name: the scenario as `scenario.yaml`, manifests, clusters and world under
    their paths. A run folder holds them, so that the run can be repeated from it alone. `manifests` are the parsed ones
    among them, `births` the clusters that the timeline creates, by the label of the action.
    """

    scenario: Scenario
    world: World
    files: Mapping[str, str]
    manifests: Mapping[str, list[Source]]
    births: Mapping[str, ClusterWish]

    def objects(self) -> dict[str, Objects]:
        """Return fresh Kubernetes objects, by cluster name: a run changes them."""
        names = [wish.name for wish in (*self.world.clusters, *self.births.values())]
        found: dict[str, Objects] = {name: Objects() for name in names}
        for use in self.scenario.workloads:
            loaded = read_manifest(self.manifests.get(use.manifest, []))
            into = found.setdefault(use.cluster, Objects())
            into.workloads.extend(loaded.workloads)
            into.claims.extend(loaded.claims)
            into.services.extend(loaded.services)
            into.budgets.extend(loaded.budgets)
        return found

    def twin(self, kernel: Kernel) -> Twin:
        """Build the story's world, whose nodes carry the loads, with the lists that policies to come name."""
        twin = Twin(kernel, self.world, self.objects())
        actions = [action.autoscaling for action in self.scenario.timeline]
        policies = [policy for policy in actions if isinstance(policy, AutoscalingPolicy)]
        for policy in (*policies, *(each for wish in self.births.values() for each in wish.autoscaling)):
            if policy.notify is not None:
                place_list(twin.cloud, policy.notify)
        twin.cloud.figures.carry(self.scenario.load)
        return twin

    def cast(self) -> Mapping[str, Member]:
        """Return every cluster that may appear, by name."""
        workloads = {name: objects.workloads for name, objects in self.objects().items()}
        return cast_of(self.world.clusters, self.births.values(), self.scenario.timeline, workloads)

    def board(self, twin: Twin) -> Board:
        """Return everything that can be measured of a run in `twin`."""
        return Board(twin, [action.label for action in self.scenario.timeline], self.cast(), self.scenario.probes)

    def wish_of(self, action: Action) -> ClusterState | None:
        """Return the cluster that an action creates; None for one that does something else."""
        document = self._document(action)
        return None if document is None else ClusterState.of_wish(document)

    def findings_of(self, action: Action) -> tuple[Finding, ...]:
        """Return what the rules say of the cluster that an action creates, in the World as it is at the start."""
        document = self._document(action)
        return () if document is None else check_cluster(document, self.world)

    def policies_of(self, action: Action) -> tuple[AutoscalingPolicy, ...]:
        """Return the policies of autoscaling that the cluster which an action creates is wished for with."""
        wish = self.births.get(action.label)
        return () if wish is None else wish.autoscaling

    def _document(self, action: Action) -> ClusterDocument | None:
        """Return the file that would wish for what an action creates."""
        wish = self.births.get(action.label)
        if wish is None:
            return None
        fields = {name: getattr(wish, name) for name in ClusterWish.model_fields}
        return ClusterDocument.model_construct(
            **fields, api_version="qke/v1", kind="Cluster", zone=self.world.zone, status="active"
        )
