"""How things are called on the screen. Where a run has one cluster, its name is left out."""

from __future__ import annotations

from qke_sim.scenario import Story

_WORDS = {"api": "API", "kube-system/coredns": "DNS", "kubesphere-system/ks-console": "console"}


def only_cluster(story: Story) -> str | None:
    """Return the cluster's name when there is only one."""
    names = list(story.cast())
    return names[0] if len(names) == 1 else None


def node_names(story: Story) -> list[str]:
    """Return all nodes that may come to be as `<cluster>/<alias>`, in the catalogue's order of roles."""
    return [f"{member.name}/{alias}" for member in story.cast().values() for alias in member.nodes]


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
