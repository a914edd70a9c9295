"""What the platform tells every node of a cluster: who comes, who goes, whose machine changes.

The nodes read it from the platform's metadata service. Who wants to act on a change has to wait until every node has
seen it; the platform waits for that before it runs a command.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Metadata:
    """Aliases under /adding-hosts and /deleting-hosts, roles under /vertical-scaling-roles.

    `seen` is the record of the last change that all nodes have seen.
    """

    adding: tuple[str, ...] = ()
    deleting: tuple[str, ...] = ()
    vertical: tuple[str, ...] = ()
    seen: int = 0

    def stable(self, alias: str) -> bool:
        """Whether a node neither comes nor goes."""
        return alias not in self.adding and alias not in self.deleting
