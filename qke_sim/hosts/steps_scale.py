"""Removing workers: from 2.0.0 on all of it happens in the check on the masters, at 1.x in the scale in itself."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import ScaleIn, ScriptStep, catalog, operations
from qke_sim.hosts.run import Behaviour, Run, at_once
from qke_sim.kernel import Process
from qke_sim.kube.drain import DrainManner, DrainResult

MS_PER_S = 1000
DELETED = {"delete-emptydir-data", "delete-local-data"}


def _refuse_masters(run: Run, cause: int) -> int:
    code = operations().scale_in(run.version).codes["master-leaves"]
    return run.fail("a master is among the nodes to delete", code, cause)


def _require_workers(run: Run, cause: int) -> int:
    rule, left = operations().scale_in(run.version), len(_stable_workers(run))
    if left < rule.min_workers:
        why = f"{left} of at least {rule.min_workers} workers would remain"
        return run.fail(why, rule.codes["too-few-workers"], cause)
    return 0


def _stable_workers(run: Run) -> list[str]:
    going = (*run.site.metadata.deleting, *run.site.metadata.adding)
    return [node.alias for node in run.site.cluster.of_kind("worker") if node.alias not in going]


def leaving(run: Run) -> tuple[str, ...]:
    """List the workers that leave and have a node object, in the cluster's order."""
    gone = run.site.metadata.deleting
    workers = (node.alias for node in run.site.cluster.of_kind("worker"))
    return tuple(alias for alias in workers if alias in gone and alias in run.site.kube.nodes)


def _move_out(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Drain all leaving nodes with one command, then delete their objects; if either fails, uncordon them again."""
    _ = step
    rule, names = operations().scale_in(run.version), leaving(run)
    if not names:
        return 0
    result = yield from run.site.kube.drain(names, _manner(rule), run.host.subject, cause)
    run.last = result.cause
    if result.ok:
        takes, limit = run.host.draw("delete-node-object"), rule.delete_node_s * MS_PER_S
        yield run.site.kernel.pause(min(takes, limit))
        if takes <= limit and run.site.reaches_api(run.host.alias):
            _delete(run, names, result.cause)
            return 0
    return _revert(run, names, rule, result)


def _manner(rule: ScaleIn) -> DrainManner:
    return DrainManner(
        ignore_daemonsets="ignore-daemonsets" in rule.flags,
        delete_emptydir=bool(DELETED.intersection(rule.flags)),
        force=rule.forced,
        timeout_ms=rule.drain_s * MS_PER_S,
    )


def _delete(run: Run, names: tuple[str, ...], cause: int) -> None:
    for alias in names:
        if alias in run.site.kube.nodes:
            run.last = run.site.kube.remove_node(alias, cause)


def _revert(run: Run, names: tuple[str, ...], rule: ScaleIn, result: DrainResult) -> int:
    if not run.site.reaches_api(run.host.alias):
        return run.fail("the nodes could not be uncordoned", rule.codes["uncordon-failed"], result.cause)
    for alias in names:
        run.site.kube.uncordon(alias, result.cause)
    return run.fail(result.why or "the nodes could not be deleted", rule.codes["drain-failed"], result.cause)


def _drain_v1(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Drain and delete one node after another, the drain again and again within its budget.

    When the budget is spent, 1.0.1 ends with 1; 1.0.0 has one try only, logs its failure and deletes the node anyway.
    """
    rule, budget = operations().scale_in(run.version), catalog().budget(step.wait or "", run.version)
    for alias in leaving(run):
        result = yield from run.site.kube.drain((alias,), _manner(rule), run.host.subject, cause)
        for _ in range(1, budget.attempts):
            if result.ok:
                break
            yield run.site.kernel.pause(budget.interval_ms)
            result = yield from run.site.kube.drain((alias,), _manner(rule), run.host.subject, result.cause)
        cause = run.last = result.cause
        if not result.ok and budget.code:
            return run.fail(result.why, budget.code, cause)
        yield run.host.take("delete-node-object")
        _delete(run, (alias,), cause)
    return 0


STEPS: Mapping[str, Behaviour] = {
    "refuse-leaving-masters": at_once(_refuse_masters),
    "require-enough-workers": at_once(_require_workers),
    "move-out": _move_out,
    "drain-v1": _drain_v1,
}
