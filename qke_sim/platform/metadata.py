"""Tell all nodes of a cluster who comes, who goes, and what changed: it takes a moment until every node has seen it."""

from __future__ import annotations

from qke_core.catalog import catalog
from qke_sim.hosts.site import Site
from qke_sim.kernel import Process


def tell(site: Site, what: str, cause: int, **fields: tuple[str, ...]) -> int:
    """Change what the metadata says; return the record. Nobody waits for it to be seen."""
    for name, value in fields.items():
        setattr(site.metadata, name, value)
    return site.kernel.trace.add("metadata.changed", site.name, cause, what=what)


def tell_all(site: Site, what: str, cause: int, **fields: tuple[str, ...]) -> Process[int]:
    """Change what the metadata says and wait until every node has rendered it; return the record of that."""
    seq = tell(site, what, cause, **fields)
    yield site.kernel.take(f"{site.name}/metadata", catalog().duration("render-parameters"))
    return site.kernel.trace.add("metadata.seen", site.name, seq)


def forget(site: Site, cause: int) -> int:
    """Clear what was told of a change that is over."""
    meta = site.metadata
    if not (meta.adding or meta.deleting or meta.vertical_roles):
        return cause
    return tell(site, "nothing is going on any more", cause, adding=(), deleting=(), vertical_roles=())
