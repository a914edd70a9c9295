"""A run as it happens, in virtual time, on stderr: one calm line for each record worth one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from rich.text import Text

from qke_cli.render.names import node_name, node_names, only_cluster
from qke_cli.render.plan import render_plan
from qke_cli.screen import Screen, pad
from qke_core.units import render_clock, render_rough
from qke_sim.kube.kubesphere import CONSOLE
from qke_sim.report.analysis import is_cluster_job
from qke_sim.scenario import Story
from qke_sim.trace import TraceRecord

_STYLES: Final = {"blocker": "bold red", "warning": "yellow", "note": "dim"}
CONSOLE_KEY: Final = f"kubesphere-system/{CONSOLE}"
_JOB: Final = "j-d226zw7q"
_POLICY: Final = "asp-j9wntetw"
_ENDS: Final = {"done": "green", "successful": "green"}


class Watch:
    """Knows how far a run has come, and says nothing."""

    def __init__(self) -> None:
        """Begin before the run."""
        self.now = 0

    def __call__(self, record: TraceRecord) -> None:
        """Take note of a record."""
        self.now = record.t

    def end(self) -> None:
        """Say that nothing more will come."""


def _felt(story: Story) -> Iterator[tuple[str, str]]:
    """Yield what users feel the absence of: `<cluster>/<namespace>/<workload>`, with the cluster's name."""
    for member in story.cast().values():
        for key in (CONSOLE_KEY, *member.workloads):
            yield f"{member.name}/{key}", member.name


def _scaled(story: Story) -> bool:
    """Whether a policy of autoscaling may speak."""
    wishes = [*story.world.clusters, *(action.create for action in story.scenario.timeline)]
    asked = any(action.verb == "autoscaling" for action in story.scenario.timeline)
    return asked or any(getattr(wish, "autoscaling", ()) for wish in wishes)


class Progress(Watch):
    """Tells a run as it happens."""

    def __init__(self, screen: Screen, story: Story, seed: int) -> None:
        """Tell what is going to be run."""
        super().__init__()
        self.screen = screen
        self._alone = only_cluster(story)
        actions = [action.label for action in story.scenario.timeline]
        who = [node_name(name, self._alone) for name in [*node_names(story), *actions]]
        self._who = max(len(_POLICY if _scaled(story) else _JOB), *map(len, who))
        self._things = {name for name, _ in _felt(story)}
        self.jobs: set[str] = set()
        self._began: dict[tuple[str, str], int] = {}
        self._told: set[str] = set()
        self._decided: list[TraceRecord] = []
        start, name = story.scenario.start, story.scenario.metadata.name
        screen.hang("", Text.assemble((name, "bold"), (f", seed {seed}, virtual time from {start}", "dim")))
        if story.scenario.metadata.description:
            screen.hang("", Text(story.scenario.metadata.description, style="dim"))
        screen.say("")

    def __call__(self, record: TraceRecord) -> None:
        """Tell a record, if it is worth it."""
        super().__call__(record)
        if record.kind == "expectation.decided":
            self._decided.append(record)
            return
        for decided in self._decided if record.kind != "run.ended" else ():  # What the end decides, the verdict shows.
            _tell_decided(self, decided)
        self._decided.clear()
        teller = _TELLERS.get(record.kind)
        if teller is not None:
            teller(self, record)

    def end(self) -> None:
        """Leave a blank line before the outcome."""
        self.screen.say("")

    def line(self, record: TraceRecord, text: Text | str, style: str = "") -> None:
        """Write one line: when, who, what."""
        body = Text(text, style=style) if isinstance(text, str) else text
        lead = Text.assemble(
            (render_clock(record.t), "dim"), "  ", pad(node_name(record.subject, self._alone), self._who), "  "
        )
        self.screen.hang(lead, body)

    def began(self, record: TraceRecord, what: str) -> None:
        """Remember when something began."""
        self._began[what, record.subject] = record.t

    def took(self, record: TraceRecord, what: str) -> str:
        """Return how long something took that ends now."""
        start = self._began.pop((what, record.subject), None)
        return "" if start is None else render_rough(record.t - start)

    def feels(self, record: TraceRecord) -> bool:
        """Whether anybody feels that this is gone: an API server, a console, a workload of users."""
        return not record.kind.startswith("workload.") or record.subject in self._things

    # What the records say

    def planned(self, record: TraceRecord) -> None:
        """Show the operator's plan."""
        self.screen.say("")
        render_plan(self.screen, cast("Mapping[str, Any]", record.data["plan"]))
        self.screen.say("")

    def checked(self, record: TraceRecord) -> None:
        """Show what preflight found; what was told at an earlier hop is only counted."""
        findings = cast("list[Mapping[str, str]]", record.data["findings"])
        counts = {kind: sum(f["severity"] == kind for f in findings) for kind in ("blocker", "warning", "note")}
        said = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items() if count]
        text = f"preflight for {record.data['target']}: " + (", ".join(said) or "nothing found")
        self.line(record, text, "bold red" if counts["blocker"] else "")
        for finding in findings:
            if finding["sentence"] in self._told:
                continue
            self._told.add(finding["sentence"])
            lead = pad(f"    {finding['severity']}", 13, _STYLES.get(finding["severity"], ""))
            self.screen.hang(lead, finding["sentence"])
            arrow = Text(f"{'':13}{self.screen.marks.arrow} ", style="dim")
            self.screen.hang(arrow, Text(finding["remedy"], style="dim"))


def _action_started(progress: Progress, record: TraceRecord) -> None:
    progress.line(record, f"started: {record.data['what']}", "bold")


def _action_ended(progress: Progress, record: TraceRecord) -> None:
    status = str(record.data["status"])
    progress.line(record, f"{status}: {record.data['sentence']}", _ENDS.get(status, "bold red"))


def _job_created(progress: Progress, record: TraceRecord) -> None:
    if not is_cluster_job(record):
        return
    progress.jobs.add(record.subject)
    progress.line(record, f"accepted: {record.data['action']} for {record.data['cluster']}")


def _job_ended(progress: Progress, record: TraceRecord) -> None:
    status, code = str(record.data["status"]), record.data["code"]
    if record.subject not in progress.jobs and status == "successful":
        return
    progress.line(record, f"{status}, code {code}" if code else status, _ENDS.get(status, "bold red"))


def _cluster_changed(progress: Progress, record: TraceRecord) -> None:
    field, before, after = (str(record.data[name]) for name in ("field", "before", "after"))
    if field == "transition_status":  # The job's lines say the same.
        return
    arrow = progress.screen.marks.arrow
    style = "bold red" if after == "failed" else "green" if field == "version" else ""
    progress.line(record, f"{field}: {before or 'none'} {arrow} {after or 'none'}", style)


def _phase_ended(progress: Progress, record: TraceRecord) -> None:
    outcome, took = str(record.data["outcome"]), progress.took(record, "phase")
    end = f"{outcome} in {took}" if took and outcome == "done" else f"{outcome} after {took}" if took else outcome
    text = pad(str(record.data["phase"]), 13)
    progress.line(record, Text.assemble(text, "  ", (end, "" if outcome == "done" else "bold red")))


def _gone(what: str) -> Callable[[Progress, TraceRecord], None]:
    def tell(progress: Progress, record: TraceRecord) -> None:
        if not progress.feels(record):
            return
        progress.began(record, what)
        through = f": nothing answers through {record.data['through']}" if "through" in record.data else ""
        progress.line(record, f"{what} gone{through}", "bold red")

    return tell


def _back(what: str) -> Callable[[Progress, TraceRecord], None]:
    def tell(progress: Progress, record: TraceRecord) -> None:
        took = progress.took(record, what) if progress.feels(record) else ""
        if took:
            progress.line(record, f"{what} back after {took}", "yellow")
        elif record.kind == "api.available":
            progress.line(record, f"{what} answers")

    return tell


def _crashed(progress: Progress, record: TraceRecord) -> None:
    progress.began(record, "host")
    progress.line(record, "host crashed", "bold red")


def _booted(progress: Progress, record: TraceRecord) -> None:
    """Tell that a host that crashed is back; one that was started on purpose is no news."""
    if progress.took(record, "host"):
        progress.line(record, "host runs again", "yellow")


def _phrase(template: str, style: str = "") -> Callable[[Progress, TraceRecord], None]:
    def tell(progress: Progress, record: TraceRecord) -> None:
        progress.line(record, template.format_map(record.data), style)

    return tell


def _drained(progress: Progress, record: TraceRecord) -> None:
    nodes, result = str(record.data["nodes"]), str(record.data["result"])
    if result == "done":
        progress.line(record, f"drain of {nodes} ended")
    else:
        progress.line(record, f"drain of {nodes} failed: {result}", "bold red")


def _tell_decided(progress: Progress, record: TraceRecord) -> None:
    if not record.data["held"]:
        number = record.subject.removeprefix("#")
        progress.line(
            record, f"expectation {number} broken: {str(record.data['verdict']).partition(', ')[2]}", "bold red"
        )


_TELLERS: Final[Mapping[str, Callable[[Progress, TraceRecord], None]]] = {
    "action.started": _action_started,
    "action.ended": _action_ended,
    "fault.injected": _phrase("fault injected: {fault}", "yellow"),
    "fault.lifted": _phrase("fault lifted: {fault}", "yellow"),
    "fault.missed": _phrase("fault without anything to strike: {fault}", "yellow"),
    "job.stuck": _phrase("does not come to an end", "bold red"),
    "drain.started": _phrase("drain of {nodes} began"),
    "drain.ended": _drained,
    "node.added": _phrase("node added"),
    "node.removed": _phrase("node removed"),
    "operator.planned": Progress.planned,
    "operator.checked": Progress.checked,
    "operator.killed": _phrase("operator killed at journal position {position}, {phase} the effect", "yellow"),
    "operator.resumed": _phrase("operator resumed from {records} journal records"),
    "job.created": _job_created,
    "job.ended": _job_ended,
    "precheck.failed": _phrase("platform's check {check} failed, code {code}", "bold red"),
    "cluster.changed": _cluster_changed,
    "service.cut": _phrase("{service} cut by the platform after {timeout_s} s", "bold red"),
    "phase.started": lambda progress, record: progress.began(record, "phase"),
    "phase.ended": _phase_ended,
    "host.crashed": _crashed,
    "host.booted": _booted,
    "node.not-ready": _phrase("not Ready: {why}", "yellow"),
    "health.unhealthy": _phrase("unhealthy: {why}", "yellow"),
    "health.healthy": _phrase("healthy again"),
    "revive.cut": _phrase("revival cut by the platform after {timeout_s} s", "bold red"),
    "linked.down": _phrase("linked {app} service serves no more", "bold red"),
    "linked.up": _phrase("linked {app} service serves again", "yellow"),
    "autoscaling.fired": _phrase("autoscaling: {role} from {before} to {after} nodes"),
    "autoscaling.refused": _phrase("autoscaling of {role} refused: {why}", "yellow"),
    "autoscaling.ended": _phrase("{result}: {why}"),
    "alarm.changed": _phrase("{resource}: {before}, now {after}", "yellow"),
    "notification.posted": _phrase("told: {message}"),
    "api.unavailable": _gone("API"),
    "api.available": _back("API"),
    "workload.unavailable": _gone("pods that serve"),
    "workload.available": _back("pods that serve"),
    "csi.installed": _phrase("CSI driver {version} installed"),
    "csi.replaced": _phrase("CSI driver replaced by {version}"),
    "csi.skipped": _phrase("CSI driver left as it was: {why}", "yellow"),
    "installer.launched": _phrase("KubeSphere installer launched for {version}"),
    "installer.failed": _phrase("KubeSphere installer failed in attempt {attempt}", "bold red"),
    "installer.restarted": _phrase("KubeSphere installer restarted by {by}", "yellow"),
    "installer.finished": _phrase("KubeSphere installer finished: {outcome}"),
}
"""What is told of a record, by its kind; other kinds are for `qke-sim why` and the report."""
