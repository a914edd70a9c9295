"""How things are called on the screen. Where a run has one cluster, its name is left out."""

from __future__ import annotations

from qke_sim.scenario import Story

_WORDS = {"api": "API", "kubesphere-system/ks-console": "console"}


def only_cluster(story: Story) -> str | None:
    """Return the cluster's name when there is only one."""
    clusters = story.world.clusters
    return clusters[0].name if len(clusters) == 1 else None


def node_names(story: Story) -> list[str]:
    """Return all nodes as `<cluster>/<alias>`, in the catalogue's order of roles."""
    return [
        f"{cluster.name}/{role}{number}"
        for cluster in story.world.clusters
        for role, shape in cluster.shape().items()
        for number in range(1, shape.count + 1)
    ]


def node_name(name: str, alone: str | None) -> str:
    """Return a node's (or any subject's) name."""
    return name.removeprefix(f"{alone}/") if alone else name


def thing_name(key: str, alone: str | None) -> str:
    """Return the name of what users feel: `<cluster>/api` or `<cluster>/<namespace>/<workload>`."""
    cluster, _, rest = key.partition("/")
    return titled(_WORDS.get(rest, rest), cluster, alone)


def titled(what: str, cluster: str, alone: str | None) -> str:
    """Put the cluster before the name of one of its parts."""
    return what if cluster == alone else f"{cluster} {what}"
