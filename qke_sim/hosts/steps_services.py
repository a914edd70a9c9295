"""What runs on a node and how it is started, stopped, pruned and renewed there."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import ScriptStep, catalog
from qke_sim.hosts.certificates import due, renew
from qke_sim.hosts.files import default_audit_policy
from qke_sim.hosts.prune import prune
from qke_sim.hosts.run import FAILED, Behaviour, Run, at_once, elapse
from qke_sim.hosts.steps_join import hang_up
from qke_sim.kernel import Process


def _initialise_node(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Mount the data disk, link docker's layers to it and move directories, unless this system disk had that done."""
    yield from elapse(run, step, cause)
    host = run.host
    if "node.init" in host.system_files:
        return 0
    if host.node.role_kind != "client" and "data" not in host.data_markers:
        if not host.use_disk(catalog().constant("fresh_data_mib"), step.do, cause):
            return run.fail("no space on /data", FAILED, cause)
        host.data_markers.add("data")
    if host.node.role_kind != "client":
        host.files.add(default_audit_policy(run.version))
    host.system_files.add("node.init")
    run.site.kernel.trace.add("marker.written", host.subject, cause, marker="node.init")
    return 0


def _start_services(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    yield from elapse(run, step, cause)
    run.last = run.site.start_services(run.host.alias, cause)
    return 0


def _stop_services(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    run.last = run.site.stop_services(run.host.alias, cause)
    yield from elapse(run, step, cause)
    return 0


def _restart_failing(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Restart every service that does not run; a node that is not set up yet has none. A failure is only logged."""
    _ = step
    if "node.init" in run.host.system_files and not all(run.host.services.values()):
        yield run.host.take("start-services")
        run.last = run.site.start_services(run.host.alias, cause)
    return 0


def _renew_when_due(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Renew when the first of the certificates has 30 days or less to live. Nothing runs yet that had to restart."""
    if due(run.host):
        yield from elapse(run, step, cause)
        run.last = renew(run.site, run.host, cause)
    return 0


def _renew(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    yield from elapse(run, step, cause)
    run.last = renew(run.site, run.host, cause)
    yield from hang_up(run, run.last)
    return 0


def _prune(run: Run, cause: int) -> None:
    given = run.params.get("max_days")
    days = given if isinstance(given, int) else catalog().constant("prune_max_days_default")
    prune(run.host, days, cause)


STEPS: Mapping[str, Behaviour] = {
    "initialise-node": _initialise_node,
    "start-services": _start_services,
    "stop-services": _stop_services,
    "start-client": _start_services,
    "restart-failing-services": _restart_failing,
    "renew-certificates-when-due": _renew_when_due,
    "renew-certificates": _renew,
    "copy-to-all": at_once(lambda run, cause: run.site.copy_kubeconfig(cause)),
    "prune-docker": at_once(_prune),
}
