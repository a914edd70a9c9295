"""What each kind of fault does to the twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from qke_sim.faults import DoorFault, Gate
from qke_sim.hosts.installer import Trouble
from qke_sim.scenario.model import (
    CallFails,
    DiskFill,
    Fault,
    HostSlow,
    InstallerFails,
    InstallerSlow,
    KubeletStop,
    NodeCrash,
    OperatorCrash,
)
from qke_sim.twin import Twin


def inject(twin: Twin, fault: Fault, number: int, cause: int) -> None:
    """Do what fault `number` of the scenario says; `cause` is the record that triggered it."""
    seq = twin.kernel.trace.add("fault.injected", subject_of(fault), cause, fault=fault.kind)
    INJECTORS[type(fault)](twin, fault, number, seq)


def subject_of(fault: Fault) -> str:
    """Return what a fault strikes, as the trace calls it."""
    if isinstance(fault, OperatorCrash):
        return fault.action
    if isinstance(fault, CallFails):
        return f"{fault.door} door"
    if isinstance(fault, InstallerSlow | InstallerFails):
        return fault.target.cluster
    return f"{fault.target.cluster}/{fault.target.alias}"


def _node_crash(twin: Twin, fault: NodeCrash, number: int, cause: int) -> None:
    _ = number
    site = twin.site(fault.target.cluster)
    runs = site.hosts[fault.target.alias].up  # What is dead already cannot crash, nor come back from it.
    seq = site.crash(fault.target.alias, cause)
    if runs and fault.lasts is not None:

        def back() -> None:
            lifted = twin.kernel.trace.add("fault.lifted", subject_of(fault), seq, fault=fault.kind)
            site.power_on(fault.target.alias, lifted)

        twin.kernel.later(fault.lasts, back)


def _kubelet_stop(twin: Twin, fault: KubeletStop, number: int, cause: int) -> None:
    _ = number
    site = twin.site(fault.target.cluster)
    host = site.hosts[fault.target.alias]
    seq = site.stop_kubelet(fault.target.alias, cause)
    if fault.lasts is not None:

        def back() -> None:
            lifted = twin.kernel.trace.add("fault.lifted", subject_of(fault), seq, fault=fault.kind)
            if host.up:
                site.start_kubelet(fault.target.alias, host.kubelet_version, lifted)

        twin.kernel.later(fault.lasts, back)


def _disk_fill(twin: Twin, fault: DiskFill, number: int, cause: int) -> None:
    _ = number
    host = twin.site(fault.target.cluster).hosts[fault.target.alias]
    host.set_disk(min(fault.free, host.data_free_mib), fault.kind, cause)


def _host_slow(twin: Twin, fault: HostSlow, number: int, cause: int) -> None:
    _ = number, cause
    twin.site(fault.target.cluster).hosts[fault.target.alias].slow_percent = fault.percent


def _installer_slow(twin: Twin, fault: InstallerSlow, number: int, cause: int) -> None:
    _ = number, cause
    twin.site(fault.target.cluster).installer.slow_percent = fault.percent


def _installer_fails(twin: Twin, fault: InstallerFails, number: int, cause: int) -> None:
    _ = number, cause
    installer = twin.site(fault.target.cluster).installer
    installer.troubles.append(Trouble(fault.attempt, fault.outcome, fault.percent))


def _call_fails(twin: Twin, fault: CallFails, number: int, cause: int) -> None:
    _ = cause
    gates: Mapping[str, Gate] = {"cloud": twin.cloud.gate, "kube": twin.kube.gate, "host": twin.host.gate}
    effects = {"call.fails": "fails", "call.answer-lost": "answer-lost", "call.slow": "slow"}
    gates[fault.door].faults.append(
        DoorFault(
            id=str(number),
            door=fault.door,
            effect=cast("Any", effects[fault.kind]),
            operation=fault.operation,
            left=fault.count,
            percent=fault.percent,
            ret_code=fault.ret_code,
            delay_ms=fault.takes,
        )
    )


def _operator_crash(twin: Twin, fault: OperatorCrash, number: int, cause: int) -> None:
    """Nothing to do here: the operator knows its own kill points from its first step."""
    _ = twin, fault, number, cause


INJECTORS: Mapping[type[Any], Callable[[Twin, Any, int, int], None]] = {
    NodeCrash: _node_crash,
    KubeletStop: _kubelet_stop,
    DiskFill: _disk_fill,
    HostSlow: _host_slow,
    InstallerSlow: _installer_slow,
    InstallerFails: _installer_fails,
    CallFails: _call_fails,
    OperatorCrash: _operator_crash,
}
"""What to do, by kind of fault."""
