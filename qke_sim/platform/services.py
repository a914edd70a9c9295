"""Run a service of the app's definition on a cluster's nodes: by order, side by side, within its time limit.

What the sources leave open is chosen here and marked assumed in the catalogue or below: the whole order is waited for
before a failure ends the work; the code is that of the service that failed first; a service on a node that is stopped
fails at once; a service that is cut by its timeout counts as code 124; the limit of a service holds for its pre_check
too; of `one_node` services the first node of the role runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

import simpy

from qke_core.catalog import catalog, operations
from qke_core.catalog.operation_facts import ServiceName
from qke_core.effects import Json
from qke_sim.hosts.appctl import Run, run_command
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kernel import Process

MS_PER_S = 1000


class Rank(Protocol):
    """When a service comes, and how long it may take."""

    @property
    def order(self) -> int:
        """Lower comes first."""
        ...

    @property
    def timeout_ms(self) -> int:
        """Then it is cut."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be run: the command as the nodes know it, at a version; `source` is the version before an upgrade."""

    name: str
    version: str
    source: str = ""
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a service, or a row of them, ended: when, with which code, and the record of that."""

    at_ms: int
    code: int
    seq: int


def run_service(site: Site, hosts: Iterable[Host], command: Command, cause: int) -> Process[Ended]:
    """Run a service on those of `hosts` whose role has it, order by order; stop after the first order that fails."""
    ranked = _ranked(hosts, command)
    ended = Ended(site.kernel.now, 0, cause)
    for order in sorted({rank.order for _, rank in ranked}):
        chosen = [(host, rank) for host, rank in ranked if rank.order == order]
        ended = yield from _side_by_side(site, chosen, command, ended.seq)
        if ended.code:
            break
    return ended


def pre_check(site: Site, hosts: Iterable[Host], command: Command, cause: int) -> Process[Ended]:
    """Run the check before a service on all nodes that have one, all at once."""
    check = replace(command, name=f"{command.name}_check")
    chosen = [
        (host, rank)
        for host in hosts
        if (rank := operations().service(host.node.role, cast("ServiceName", command.name), command.version))
        is not None
        and rank.pre_check
    ]
    return (yield from _side_by_side(site, chosen, check, cause))


def run_anywhere(site: Site, hosts: Iterable[Host], command: Command, rank: Rank, cause: int) -> Process[Ended]:
    """Run a command that is no service of a role on all of `hosts` at once."""
    return (yield from _side_by_side(site, [(host, rank) for host in hosts], command, cause))


def follows(name: ServiceName, role: str, version: str) -> str:
    """Return the service after which `name` runs on a role, "" when it comes before."""
    found = operations().service(role, name, version)
    return "" if found is None else found.after


def _ranked(hosts: Iterable[Host], command: Command) -> list[tuple[Host, Rank]]:
    """List the hosts that run a command, with its rank there; of a service for one node only the first that is up."""
    found: list[tuple[Host, Rank]] = []
    served: set[str] = set()
    for host in sorted(hosts, key=lambda host: not host.up):
        role = host.node.role
        if command.name == "upgrade":
            rank, once = catalog().upgrade_service(role, command.version), False
        else:
            rank = operations().service(role, cast("ServiceName", command.name), command.version)
            once = rank is not None and rank.one_node
        if rank is not None and not (once and role in served):
            found.append((host, rank))
            served.add(role)
    return found


def _side_by_side(site: Site, chosen: Sequence[tuple[Host, Rank]], command: Command, cause: int) -> Process[Ended]:
    """Run a command on several hosts at once; return the failure that came first, or the end of the last."""
    ended: list[Ended] = []
    runs: list[simpy.Process] = [
        site.kernel.spawn(_run(site, host, command, rank, cause, ended)) for host, rank in chosen
    ]
    yield site.kernel.env.all_of(runs)
    failed = sorted((end for end in ended if end.code), key=lambda end: (end.at_ms, end.seq))
    if failed:
        return failed[0]
    return max(ended, key=lambda end: end.seq, default=Ended(site.kernel.now, 0, cause))


def _run(site: Site, host: Host, command: Command, rank: Rank, cause: int, ended: list[Ended]) -> Process[None]:
    kernel, name, timeout_s = site.kernel, command.name, rank.timeout_ms // MS_PER_S
    seq = kernel.trace.add("service.started", host.subject, cause, service=name, order=rank.order, timeout_s=timeout_s)
    if host.node.status == "stopped":
        code = catalog().constant("service_not_running_code")
    else:
        run = Run(site, host, command.name, command.version, source=command.source, params=command.params)
        running = host.execute(run_command(run, seq))
        yield kernel.env.any_of([running.done, kernel.pause(rank.timeout_ms)])
        if running.done.triggered:
            code, seq = cast("int", running.done.value), run.last or seq
        else:
            running.kill()
            code = catalog().constant("service_timed_out_code")
            seq = kernel.trace.add("service.cut", host.subject, seq, service=name, timeout_s=timeout_s)
    seq = kernel.trace.add("service.ended", host.subject, seq, service=name, code=code)
    ended.append(Ended(kernel.now, code, seq))
