"""Effects through the host door: one read-only question to one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from qke_core.effects.base import Effect, Json, JsonObject

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class HostEffect(Effect[R]):
    """One command on one node of a cluster, named by its node id (`cln-...`)."""

    command: ClassVar[str] = ""
    cluster_id: str
    node_id: str

    def params(self) -> JsonObject:
        """Return the command's word and its arguments."""
        return {"command": self.command}


@dataclass(frozen=True, slots=True)
class DiskFree(HostEffect[int]):
    """Free space of a mount point, in MB as `df -m` prints it (1 MB = 1 MiB here)."""

    name: ClassVar[str] = "host.disk-free"
    command: ClassVar[str] = "df"
    path: str = "/data"

    def params(self) -> JsonObject:
        """`df` of one path."""
        return {"command": self.command, "path": self.path}

    def parse_reply(self, reply: Json) -> int:
        """Read a number."""
        return reply if isinstance(reply, int) else 0


@dataclass(frozen=True, slots=True)
class SshPort(HostEffect[int]):
    """The port sshd listens on; 0 when it does not run."""

    name: ClassVar[str] = "host.ssh-port"
    command: ClassVar[str] = "sshd-port"

    def parse_reply(self, reply: Json) -> int:
        """Read a number."""
        return reply if isinstance(reply, int) else 0
