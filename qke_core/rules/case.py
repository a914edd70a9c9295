"""What a rule looks at: a wish, the world it is wished into, and both as states of one cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from qke_core.documents import Path
from qke_core.goal import goal_of
from qke_core.models.cluster import ClusterDocument
from qke_core.models.settings import Settings
from qke_core.models.state import ClusterState
from qke_core.models.world import World, WorldCluster
from qke_core.rules.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Case:
    """One wish and what is known around it.

    `world` is None when nothing is known. `goal` is the wish as a state: for a cluster that exists, what
    the wish leaves out stays as it is. `now` is the cluster of that name as it is, None when there is none.
    """

    wish: ClusterDocument
    world: World | None
    goal: ClusterState
    now: ClusterState | None

    @classmethod
    def of(cls, wish: ClusterDocument, world: World | None) -> Case:
        """Make the case of a wish and a world."""
        present = None if world is None else world.cluster(wish.name)
        now = None if world is None or present is None else ClusterState.of_world(present, world)
        return cls(wish, world, goal_of(wish, now), now)

    @property
    def version(self) -> str:
        """The QKE version wished for."""
        return self.wish.version

    @property
    def settings(self) -> Settings:
        """The parameters wished for, defaults included."""
        return self.goal.settings

    @property
    def present(self) -> WorldCluster | None:
        """The cluster of the wish's name, as the World has it."""
        return None if self.world is None else self.world.cluster(self.wish.name)

    @property
    def others(self) -> tuple[WorldCluster, ...]:
        """All other clusters of the world."""
        clusters = () if self.world is None else self.world.clusters
        return tuple(cluster for cluster in clusters if cluster.name != self.wish.name)

    @property
    def creates(self) -> bool:
        """Whether the cluster has to be created."""
        return self.now is None or not self.now.exists

    def finding(
        self,
        code: str,
        severity: Severity,
        path: Path,
        sentence: str,
        remedy: str,
        source: str,
        platform_code: int = 0,
        subject: str | None = None,
    ) -> Finding:
        """Make a finding about the value at `path` of the Cluster document."""
        about = self.wish.name if subject is None else subject
        return Finding(code, severity, about, sentence, remedy, platform_code, source, "cluster", path)


def world_finding(
    code: str,
    severity: Severity,
    path: Path,
    sentence: str,
    remedy: str,
    source: str,
    subject: str = "",
    platform_code: int = 0,
) -> Finding:
    """Make a finding about the value at `path` of the World document."""
    return Finding(code, severity, subject, sentence, remedy, platform_code, source, "world", path)


Rule: TypeAlias = Callable[[Case], Iterator[Finding]]
"""A rule about a wish."""

WorldRule: TypeAlias = Callable[[World], Iterator[Finding]]
"""A rule about a world alone: what contradicts itself."""
