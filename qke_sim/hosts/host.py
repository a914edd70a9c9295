"""One node's machine: power, disk, services, files, and the commands that run on it.

A command is a SimPy process with an exit code. When the host crashes its commands die with it and never answer; whoever
waits for one has to give up by itself, as the platform does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import simpy

from qke_core.catalog import catalog
from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_sim.cloud import ClusterNode
from qke_sim.faults import Gate
from qke_sim.kernel import Kernel, Process, Signal

SSH_TIMEOUT_MS = 10_000
"""How long we wait for a host that does not answer (our own ssh ConnectTimeout)."""


@dataclass(slots=True)
class Running:
    """A command under way: `done` succeeds with its exit code, or never."""

    done: simpy.Event
    process: simpy.Process | None = None

    def kill(self) -> None:
        """End the command; it will not answer any more."""
        if self.process is not None and self.process.is_alive:
            self.process.interrupt()


@dataclass(frozen=True, slots=True)
class Certificate:
    """Valid from `begins_ms` until `ends_ms`, instants of virtual time."""

    begins_ms: int
    ends_ms: int

    def valid(self, at_ms: int) -> bool:
        """Whether a clock that shows `at_ms` accepts it."""
        return self.begins_ms <= at_ms < self.ends_ms


@dataclass(frozen=True, slots=True)
class Garbage:
    """A piece of /data that docker left behind, and since when nobody uses it."""

    mib: int
    since_ms: int


@dataclass(slots=True)
class Host:
    """The machine of one node.

    `subject` names it in the trace; `slow_percent` stretches what runs on it, `disk_percent` what is heavy
    on its disk; `services` tells which of its supervised
    services are active; `trouble` is the record of the last thing that befell it, a crash or a failed command.
    `files` and `data_markers` lie on /data, which persists; the client, which has no such disk, loses its files with
    its system disk and keeps its markers (assumed: it is never initialised twice). `system_files` lie on the system
    disk, which a start of the cluster makes anew. `aliases` is what the product wrote into /etc/hosts.
    `certificates` are those of its control plane, `loaded` the one that its API server shows. `garbage` is what docker
    left on /data. `clock_skew_ms`: how much its clock is ahead of true time. `password` is the one that somebody chose
    at the first login, "" before.
    """

    kernel: Kernel
    subject: str
    node: ClusterNode
    kubelet_version: str
    data_free_mib: int
    ssh_port: int
    files: set[str]
    changed: Signal
    up: bool = True
    trouble: int | None = None
    services: dict[str, bool] = field(default_factory=dict[str, bool])
    slow_percent: int = 100
    disk_percent: int = 100
    system_files: set[str] = field(default_factory=set[str])
    data_markers: set[str] = field(default_factory=set[str])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    certificates: dict[str, Certificate] = field(default_factory=dict[str, "Certificate"])
    loaded: Certificate | None = None
    garbage: list[Garbage] = field(default_factory=list["Garbage"])
    clock_skew_ms: int = 0
    password: str = ""
    dns_broken: bool = False
    on_certificates: Callable[[int], None] = lambda _: None
    on_garbage: Callable[[int], None] = lambda _: None
    commands: list[Running] = field(default_factory=list[Running])

    @property
    def clock_ms(self) -> int:
        """What its own clock shows, as virtual time."""
        return self.kernel.now + self.clock_skew_ms

    @property
    def alias(self) -> str:
        """`master1`, `node_perf2`, `client1`."""
        return self.node.alias

    def execute(self, command: Process[int]) -> Running:
        """Run a command; on a host that is down it never answers."""
        running = Running(self.kernel.env.event())
        if self.up:
            running.process = self.kernel.spawn(self._run(command, running))
            self.commands.append(running)
        return running

    def take(self, duration: str) -> simpy.Event:
        """Return an event after a named duration of the catalogue."""
        return self.kernel.pause(self.draw(duration))

    def draw(self, duration: str) -> int:
        """Return how many ms a named duration takes here and now; what nodes do alike is drawn with the cluster."""
        found = catalog().duration(duration)
        length = self.kernel.streams.draw_alike(self.node.cluster, self.subject, found)
        if found.on_disk:
            length = length * self.disk_percent // 100
        return length * self.slow_percent // 100

    def use_disk(self, mib: int, what: str, cause: int) -> bool:
        """Take space on /data; return False, and take nothing, when there is too little."""
        if mib > self.data_free_mib:
            return False
        self.set_disk(self.data_free_mib - mib, what, cause)
        return True

    def set_disk(self, free_mib: int, what: str, cause: int) -> int:
        """Record how much space is left on /data."""
        self.data_free_mib = free_mib
        return self.kernel.trace.add("disk.changed", self.subject, cause, free_mb=free_mib, what=what)

    def leave_garbage(self, mib: int, what: str, cause: int) -> None:
        """Docker leaves something on /data that nobody uses any more; what does not fit is not left."""
        if self.use_disk(mib, what, cause):
            self.garbage.append(Garbage(mib, self.kernel.now))
            self.on_garbage(cause)

    def renew_system_disk(self) -> None:
        """The machine gets a new system disk: what was changed outside /data is gone, and no service is set up."""
        self.system_files.clear()
        self.aliases.clear()
        if self.node.role_kind == "client":
            self.files.clear()
            self.password = ""

    def set_service(self, name: str, *, active: bool, cause: int) -> int:
        """Start or stop a service of this host; return the record of the change, or `cause` when nothing changed."""
        if self.services.get(name, False) == active:
            return cause
        self.services[name] = active
        kind = "service.running" if active else "service.stopped"
        return self.kernel.trace.add(kind, self.subject, cause, service=name)

    def put_file(self, name: str, cause: int) -> None:
        """A file arrives; who waits for it looks again."""
        self.files.add(name)
        self.changed.fire(cause)

    def power_off(self) -> None:
        """Everything that runs here ends, without a word."""
        self.up = False
        self.services = dict.fromkeys(self.services, False)
        for running in self.commands:
            running.kill()
        self.commands.clear()

    def _run(self, command: Process[int], running: Running) -> Process[None]:
        try:
            code = yield from command
        except simpy.Interrupt:
            return
        self.commands.remove(running)
        running.done.succeed(code)


class HostDoor:
    """The host door: one read-only command on one node, over ssh. `read` tells what a file of a host says."""

    def __init__(self, kernel: Kernel) -> None:
        """Begin without hosts."""
        self.kernel = kernel
        self.hosts: dict[str, Host] = {}
        self.gate = Gate(kernel.streams)
        self.read: Callable[[Host, str], str | None] = lambda _, __: None

    def call(self, node_id: str, params: JsonObject, by: str, cause: int) -> Process[Json]:
        """Run one command; return what it prints, as data.

        Raises:
            RemoteError: `host.unreachable` after the ssh timeout; `host.unknown`, `host.command-unknown` at once.
        """
        command = str(params.get("command", ""))
        host = self.hosts.get(node_id)
        if host is None:
            raise RemoteError("host.unknown", f"There is no node {node_id!r}", "list the cluster's nodes")
        trace = self.kernel.trace
        seq = trace.add("host.called", host.subject, cause, by=by, command=command)
        fault = self.gate.meet(command)
        if fault is not None and fault.effect == "slow":
            yield self.kernel.pause(fault.delay_ms)
        if not host.up or (fault is not None and fault.effect != "slow"):
            yield self.kernel.pause(SSH_TIMEOUT_MS)
            trace.add("host.answered", host.subject, seq, command=command, result="no answer")
            raise RemoteError(
                "host.unreachable",
                f"{host.subject} does not answer ssh within {SSH_TIMEOUT_MS // 1000} s",
                "look whether the node runs",
                {"node": node_id},
                retry=True,
            )
        yield self.kernel.take(f"{by}/ssh", catalog().duration("api-call"))
        answer = self._read(host, params) if command == "cat" else _answer(host, command, params)
        trace.add("host.answered", host.subject, seq, command=command, result=str(answer))
        return answer

    def _read(self, host: Host, params: JsonObject) -> Json:
        """Return what a file says; None where there is no such file."""
        return self.read(host, str(params.get("path", "")))


def _answer(host: Host, command: str, params: JsonObject) -> Json:
    if command == "df" and params.get("path") == "/data":
        return host.data_free_mib
    if command == "sshd-port":
        return host.ssh_port
    if command == "kubelet-version":
        return host.kubelet_version
    if command == "is-active":
        return "active" if host.services.get(str(params.get("service")), False) else "inactive"
    raise RemoteError(
        "host.command-unknown",
        f"{host.subject} knows no command {command!r}",
        "use df of /data, sshd-port, kubelet-version, is-active or cat",
    )
