"""What each kind of fault does to the twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from qke_sim.cloud.trouble import Trouble as CloudTroubleState
from qke_sim.faults import DoorFault, Gate
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kube.kubesphere import Trouble
from qke_sim.scenario.fault import (
    AccountArrears,
    AccountShort,
    CallFails,
    CertificateExpired,
    Chance,
    ClockSkew,
    CloudTrouble,
    DiskFill,
    DiskSlow,
    DrainHang,
    Fault,
    HostSlow,
    InstallerFails,
    InstallerSlow,
    JobSlow,
    KubeletStop,
    LinkedDown,
    MemberLost,
    NetworkCut,
    NodeCrash,
    NodeTarget,
    OperatorCrash,
    QuotaShrinks,
    RegistryUnreachable,
    ZoneShort,
)
from qke_sim.scenario.hazards import Lift, cut, expire, fill, lose_member, skew
from qke_sim.twin import Twin


def inject(twin: Twin, fault: Fault, number: int, cause: int) -> None:
    """Do what fault `number` of the scenario says; `cause` is the record that triggered it.

    What it strikes may not be there (yet, or any more): then it strikes nothing, and the trace says so.
    """
    kernel, subject = twin.kernel, subject_of(fault)
    if not _stands(twin, fault):
        kernel.trace.add("fault.missed", subject, cause, fault=_kind(fault))
        return
    seq = kernel.trace.add("fault.injected", subject, cause, fault=_kind(fault))
    lift = INJECTORS[type(fault)](twin, fault, number, seq)
    lasts = getattr(fault, "lasts", None)
    if lift is not None and lasts is not None:

        def end() -> None:
            lift(kernel.trace.add("fault.lifted", subject, seq, fault=_kind(fault)))

        kernel.later(cast("int", lasts), end)


def _kind(fault: Fault) -> str:
    return fault.kind


def subject_of(fault: Fault) -> str:
    """Return what a fault strikes, as the trace calls it."""
    if isinstance(fault, OperatorCrash):
        return fault.action
    if isinstance(fault, CallFails):
        return f"{fault.door} door"
    if isinstance(fault, Chance | QuotaShrinks):
        return "everything" if fault.resource == "*" else fault.resource
    if isinstance(fault, ZoneShort):
        return "the zone"
    if isinstance(fault, AccountShort | AccountArrears):
        return "the account"
    if isinstance(fault, LinkedDown):
        return fault.service
    return fault.target.label


def _stands(twin: Twin, fault: Fault) -> bool:
    """Whether the cluster, node or service that a fault strikes is there."""
    if isinstance(fault, LinkedDown):
        return twin.linked.stands(fault.service)
    target = getattr(fault, "target", None)
    site = None if target is None else twin.sites.get(target.cluster)
    if isinstance(target, NodeTarget):
        return site is not None and target.alias in site.hosts
    return target is None or site is not None


def _host(twin: Twin, target: NodeTarget) -> tuple[Site, Host]:
    site = twin.site(target.cluster)
    return site, site.hosts[target.alias]


# Below the doors: each returns what ends it, or None when nothing does


def _node_crash(twin: Twin, fault: NodeCrash, number: int, cause: int) -> Lift | None:
    _ = number
    site, host = _host(twin, fault.target)
    runs = host.up  # What is dead already cannot crash, nor come back from it.
    site.crash(fault.target.alias, cause)
    return partial(_back, site, host) if runs else None


def _back(site: Site, host: Host, cause: int) -> None:
    if site.hosts.get(host.alias) is host:
        site.power_on(host.alias, cause)


def _kubelet_stop(twin: Twin, fault: KubeletStop, number: int, cause: int) -> Lift | None:
    _ = number
    site, host = _host(twin, fault.target)
    site.stop_kubelet(fault.target.alias, cause)

    def back(lifted: int) -> None:
        if host.up and site.hosts.get(host.alias) is host:
            site.start_kubelet(host.alias, host.kubelet_version, lifted)

    return back


def _disk_fill(twin: Twin, fault: DiskFill, number: int, cause: int) -> Lift | None:
    _ = number
    fill(*_host(twin, fault.target), fault.free, cause)
    return None


def _host_slow(twin: Twin, fault: HostSlow, number: int, cause: int) -> Lift | None:
    _ = number, cause
    _, host = _host(twin, fault.target)
    before, host.slow_percent = host.slow_percent, fault.percent
    return lambda _: setattr(host, "slow_percent", before)


def _disk_slow(twin: Twin, fault: DiskSlow, number: int, cause: int) -> Lift | None:
    _ = number, cause
    _, host = _host(twin, fault.target)
    before, host.disk_percent = host.disk_percent, fault.percent
    return lambda _: setattr(host, "disk_percent", before)


def _linked_down(twin: Twin, fault: LinkedDown, number: int, cause: int) -> Lift | None:
    _ = number
    twin.linked.set_up(fault.service, up=False, cause=cause)
    return lambda lifted: twin.linked.set_up(fault.service, up=True, cause=lifted)


def _network_cut(twin: Twin, fault: NetworkCut, number: int, cause: int) -> Lift | None:
    _ = number
    site = twin.site(fault.target.cluster)
    others = tuple(site.plane.masters) if fault.other is None else (fault.other.alias,)
    return cut(site, fault.target.alias, others, cause)


def _clock_skew(twin: Twin, fault: ClockSkew, number: int, cause: int) -> Lift | None:
    _ = number
    return skew(*_host(twin, fault.target), fault.ahead, cause)


def _member_lost(twin: Twin, fault: MemberLost, number: int, cause: int) -> Lift | None:
    _ = number
    lose_member(*_host(twin, fault.target), cause)
    return None


def _certificate_expired(twin: Twin, fault: CertificateExpired, number: int, cause: int) -> Lift | None:
    _ = number
    expire(*_host(twin, fault.target), cause)
    return None


def _drain_hang(twin: Twin, fault: DrainHang, number: int, cause: int) -> Lift | None:
    _ = number, cause
    controllers = twin.site(fault.target.cluster).kube.controllers
    key = f"{fault.namespace}/{fault.workload}"
    controllers.hang(key)
    return lambda _: controllers.unhang(key)


def _registry(twin: Twin, fault: RegistryUnreachable, number: int, cause: int) -> Lift | None:
    _ = number
    controllers = twin.site(fault.target.cluster).kube.controllers
    controllers.set_registry(cause, reached=False)
    return lambda lifted: controllers.set_registry(lifted, reached=True)


def _installer_slow(twin: Twin, fault: InstallerSlow, number: int, cause: int) -> Lift | None:
    _ = number, cause
    twin.site(fault.target.cluster).installer.slow_percent = fault.percent
    return None


def _installer_fails(twin: Twin, fault: InstallerFails, number: int, cause: int) -> Lift | None:
    _ = number, cause
    installer = twin.site(fault.target.cluster).installer
    installer.troubles.append(Trouble(fault.attempt, fault.outcome, fault.percent))
    return None


# Behind the cloud door


def _cloud_trouble(twin: Twin, fault: CloudTrouble | JobSlow, number: int, cause: int) -> Lift | None:
    _ = cause
    facts = {"percent": fault.percent} if isinstance(fault, JobSlow) else {}
    trouble = CloudTroubleState(str(number), fault.kind, fault.resource, fault.count, fault.chance, facts)
    twin.cloud.trouble.active.append(trouble)
    return lambda _: twin.cloud.trouble.lift(trouble.id)


def _zone_short(twin: Twin, fault: ZoneShort, number: int, cause: int) -> Lift | None:
    _ = cause
    trouble = CloudTroubleState(str(number), fault.kind, facts={"left": fault.left})
    twin.cloud.trouble.active.append(trouble)
    return lambda _: twin.cloud.trouble.lift(trouble.id)


def _quota_shrinks(twin: Twin, fault: QuotaShrinks, number: int, cause: int) -> Lift | None:
    _ = number, cause
    limits = twin.cloud.allowance.limits
    before = limits.get(fault.resource)
    limits[fault.resource] = fault.to

    def back(lifted: int) -> None:
        if before is None:
            del limits[fault.resource]
        else:
            limits[fault.resource] = before
        for site in twin.sites.values():
            site.kube.wake(lifted)  # Claims and balancers that wait for room are tried again.

    return back


def _account_short(twin: Twin, fault: AccountShort, number: int, cause: int) -> Lift | None:
    _ = fault, number, cause
    twin.cloud.allowance.shortages += 1

    def back(lifted: int) -> None:
        twin.cloud.allowance.shortages -= 1
        for site in twin.sites.values():
            site.kube.wake(lifted)

    return back


def _account_arrears(twin: Twin, fault: AccountArrears, number: int, cause: int) -> Lift | None:
    """Suspend everything, unless the account owes money already."""
    _ = fault, number
    return None if twin.arrears.on else twin.arrears.begin(cause)


# At the doors

EFFECTS: Mapping[str, str] = {
    "call.fails": "fails",
    "call.answer-lost": "answer-lost",
    "call.slow": "slow",
    "call.throttled": "throttled",
}


def _call_fails(twin: Twin, fault: CallFails, number: int, cause: int) -> Lift | None:
    _ = cause
    gates: Mapping[str, Gate] = {"cloud": twin.cloud.gate, "kube": twin.kube.gate, "host": twin.host.gate}
    gates[fault.door].faults.append(
        DoorFault(
            id=str(number),
            door=fault.door,
            effect=cast("Any", EFFECTS[fault.kind]),
            operation=fault.operation,
            left=fault.count,
            percent=fault.percent,
            ret_code=fault.ret_code,
            delay_ms=fault.takes,
        )
    )
    return None


def _operator_crash(twin: Twin, fault: OperatorCrash, number: int, cause: int) -> Lift | None:
    """Nothing to do here: the operator knows its own kill points from its first step."""
    _ = twin, fault, number, cause
    return None


INJECTORS: Mapping[type[Any], Callable[[Twin, Any, int, int], Lift | None]] = {
    NodeCrash: _node_crash,
    KubeletStop: _kubelet_stop,
    DiskFill: _disk_fill,
    HostSlow: _host_slow,
    DiskSlow: _disk_slow,
    NetworkCut: _network_cut,
    ClockSkew: _clock_skew,
    MemberLost: _member_lost,
    CertificateExpired: _certificate_expired,
    DrainHang: _drain_hang,
    RegistryUnreachable: _registry,
    LinkedDown: _linked_down,
    InstallerSlow: _installer_slow,
    InstallerFails: _installer_fails,
    CloudTrouble: _cloud_trouble,
    JobSlow: _cloud_trouble,
    ZoneShort: _zone_short,
    QuotaShrinks: _quota_shrinks,
    AccountShort: _account_short,
    AccountArrears: _account_arrears,
    CallFails: _call_fails,
    OperatorCrash: _operator_crash,
}
"""What to do, by kind of fault."""
