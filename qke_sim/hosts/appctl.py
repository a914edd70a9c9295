"""The product's commands on one node: init, start, stop, restart, scale in and out, upgrade, and the menu's services.

Which steps a version's script has, in which order and under which conditions, is catalogue data (`scripts.toml`,
`scripts_v1.toml`, `upgrade.toml`). What a step does to the world is said in the modules `steps_*`, by its name; a step
that none of them names just takes its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from qke_core.catalog import Command, ScriptStep, catalog
from qke_core.plan import applies
from qke_sim.hosts import reload, steps_cluster, steps_join, steps_scale, steps_services, steps_upgrade, steps_v1
from qke_sim.hosts.run import Behaviour, Run, elapse
from qke_sim.kernel import Process

__all__ = ["BEHAVIOURS", "Run", "run_command"]

BEHAVIOURS: Mapping[str, Behaviour] = {
    **steps_upgrade.STEPS,
    **steps_cluster.STEPS,
    **steps_join.STEPS,
    **steps_services.STEPS,
    **steps_scale.STEPS,
    **steps_v1.STEPS,
    **reload.STEPS,
}
"""What the steps do, beyond taking time."""


def run_command(run: Run, cause: int) -> Process[int]:
    """Run a command's script to its end, or to the first step that fails; return the exit code.

    A kind of node that has no such script does nothing, and succeeds.
    """
    run.last = cause
    host, holds = run.host, run.conditions()
    steps = [step for step in script_of(run) if applies(step, holds)]
    code = yield from _play(run, steps)
    if code:
        host.trouble = run.last
    return code


def script_of(run: Run) -> Sequence[ScriptStep]:
    """Return the steps of a command, conditions not yet looked at."""
    if run.command == reload.COMMAND:
        return reload.script_of(run)
    command, kind = cast("Command", run.command), run.host.node.role_kind
    has = catalog().has_script(command, run.version, kind)
    return catalog().script(command, run.version, kind) if has else ()


def _play(run: Run, steps: Sequence[ScriptStep]) -> Process[int]:
    """Do the steps one after another, telling where phases begin and end."""
    trace, subject = run.site.kernel.trace, run.host.subject
    phase, code, cause = "", 0, run.last
    for step in steps:
        if step.phase != phase:
            if phase:
                trace.add("phase.ended", subject, cause, phase=phase, target=run.target, outcome="done")
            phase = step.phase
            cause = trace.add("phase.started", subject, cause, phase=phase, target=run.target)
        run.last = begun = trace.add("step.started", subject, cause, step=step.do)
        code = yield from BEHAVIOURS.get(step.do, elapse)(run, step, begun)
        cause = run.last = trace.add("step.ended", subject, run.last, step=step.do, code=code)
        if code:
            break
    if phase:
        outcome = f"failed with code {code}" if code else "done"
        run.last = trace.add("phase.ended", subject, cause, phase=phase, target=run.target, outcome=outcome)
    return code
