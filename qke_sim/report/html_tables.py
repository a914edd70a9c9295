"""The sections of the report that are words: verdict, actions, expectations, findings, plan, moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from qke_core.catalog import catalog
from qke_core.units import MS_PER_H, render_clock, render_rough
from qke_sim.report.analysis import Analysis, Moment
from qke_sim.report.html_base import (
    Markup,
    clock_at,
    count,
    folded,
    h,
    instant,
    join,
    mono,
    muted,
    offset_of,
    table,
    tone,
)

GOOD, BAD = "\N{CHECK MARK}", "\N{BALLOT X}"
STATUS: Final[Mapping[str, tuple[str, str]]] = {
    "done": ("good", GOOD),
    "refused": ("bad", "\N{CIRCLED DIVISION SLASH}"),
    "failed": ("bad", BAD),
    "stuck": ("bad", BAD),
    "running": ("plain", "\N{HORIZONTAL ELLIPSIS}"),
    "waiting": ("plain", "\N{HORIZONTAL ELLIPSIS}"),
}
SEVERITIES: Final = (("blocker", "bad", BAD), ("warning", "warn", "!"), ("note", "plain", "i"))
LONG: Final = 30
"""A list longer than this is folded, hour by hour."""


def verdict(summary: Mapping[str, Any]) -> Markup:
    """Return the answer in a line, what is broken, and what it takes to repeat the run."""
    expectations = summary["expectations"]
    broken = [(place, case) for place, case in enumerate(expectations, start=1) if not case["held"]]
    total = count(len(expectations), "expectation")
    if not expectations:
        kind, mark, line = "plain", "\N{EN DASH}", "No expectations: nothing was judged"
    elif broken:
        kind, mark, line = "bad", BAD, f"{len(broken)} of {total} broken"
    else:
        kind, mark, line = "good", GOOD, f"All {total} held" if len(expectations) > 1 else f"The one {total[2:]} held"
    links = join(h("li", h("a", mono(case["title"]), href=f"#expectation-{place}")) for place, case in broken)
    begins = clock_at(summary["start"], 0)
    facts = [
        ("Seed", str(summary["seed"])),
        ("Virtual time", f"{render_rough(summary['ended_ms'])} ({render_clock(summary['ended_ms'])})"),
        ("Begins", f"{begins:%Y-%m-%d %H:%M} {offset_of(summary['start'])}"),
        ("Records", str(summary["records"])),
        ("Digest", h("code", summary["digest"], class_="digest")),
    ]
    return h(
        "div",
        h("p", h("span", mark, class_="sign", aria_hidden="true"), " ", h("strong", line), class_="line"),
        h("ul", links) if broken else "",
        "" if summary["complete"] else h("p", "The run was cut at its time limit; something was still going on."),
        h("dl", *(h("div", h("dt", name), h("dd", value)) for name, value in facts)),
        class_=f"verdict {kind}",
    )


def actions(summary: Mapping[str, Any], analysis: Analysis) -> Markup:
    """Return what the timeline of the scenario did, and what became of it."""
    if not summary["actions"]:
        return h("p", "The scenario's timeline is empty: the world was left alone.")
    rows = [_action(label, state, analysis.moments) for label, state in summary["actions"].items()]
    return table(("Action", "Status", "Began", "Took", "Result"), _timed(rows, summary["start"]), class_="actions")


def expectations(summary: Mapping[str, Any]) -> Markup:
    """Return every expectation with its verdict."""
    cases = summary["expectations"]
    if not cases:
        return h("p", "The scenario expects nothing.")
    rows = [
        (
            h(
                "span",
                tone("good", GOOD, "held") if case["held"] else tone("bad", BAD, "broken"),
                id=f"expectation-{place}",
            ),
            mono(case["title"]),
            join((instant(summary["start"], case["at_ms"]), " ", case["sentence"])),
            _values(case["values"]),
        )
        for place, case in enumerate(cases, start=1)
    ]
    return table(("Verdict", "Expectation", "Decided", "Values then"), rows, class_="expectations")


def findings(analysis: Analysis) -> Markup:
    """Return what preflight found, the gravest first; what was found before several hops is said once."""
    found: dict[tuple[str, ...], tuple[Mapping[str, Any], list[str]]] = {}
    for check in analysis.checks:
        for finding in check["findings"]:
            key = (check["cluster"], *(str(finding[name]) for name in ("severity", "code", "subject", "sentence")))
            targets = found.setdefault(key, ({**finding, "cluster": check["cluster"]}, []))[1]
            targets.append(str(check["target"]))
    if not analysis.checks:
        return h("p", "No preflight was made.")
    if not found:
        return h("p", tone("good", GOOD, "Preflight found nothing to say."))
    parts: list[Markup] = []
    for severity, kind, mark in SEVERITIES:
        rows = [_finding(finding, targets) for finding, targets in found.values() if finding["severity"] == severity]
        if rows:
            head = ("Where", "What", "What to do", "Code", "Source")
            parts.append(h("h3", tone(kind, mark, count(len(rows), severity))))
            parts.append(table(head, rows, class_="findings"))
    return join(parts)


def plans(analysis: Analysis) -> Markup:
    """Return the plans, hop by hop."""
    if not analysis.plans:
        return h("p", "Nothing was planned.")
    return join(_plan(plan) for plan in analysis.plans)


def moments(analysis: Analysis, start: str, folder: str) -> Markup:
    """Return everything worth a line, in order."""
    if not analysis.moments:
        return h("p", "Nothing worth a line happened.")
    hint = h(
        "p", "Why did something happen? Ask for the chain of causes of its number: ", mono(f"qke-sim why {folder} SEQ")
    )
    if len(analysis.moments) <= LONG:
        return join((hint, _moment_table(analysis.moments, start)))
    hours: dict[int, list[Moment]] = {}
    for moment in analysis.moments:
        hours.setdefault(moment.t // MS_PER_H, []).append(moment)
    first = min(hours)
    groups = [
        folded(
            f"{hour:02d}:00 to {hour + 1:02d}:00 ({count(len(group), 'moment')})",
            _moment_table(group, start),
            is_open=hour == first,
        )
        for hour, group in hours.items()
    ]
    return join((hint, *groups))


def footer(summary: Mapping[str, Any], folder: str) -> Markup:
    """Return how to repeat the run, and what not to believe."""
    durations = catalog().durations.values()
    assumed = sum(duration.basis.value == "assumed" for duration in durations)
    return h(
        "footer",
        h("h2", "Repeat it, and what to believe"),
        h("p", mono(f"qke-sim replay {folder}"), " runs it again from its folder and compares every record."),
        h(
            "p",
            f"This is a twin, not a measurement. {assumed} of its {len(durations)} durations are assumed (profile "
            f"{catalog().profile}): trust the order of things, the waits and their limits, and the codes more than the "
            "minutes. What rests on what is told in ",
            mono("docs/fidelity"),
            ".",
        ),
        h("p", muted(f"qke {summary['qke']}, run format {summary['format']}")),
    )


# Rows


def _timed(rows: Iterable[tuple[str, str, int | None, str, str]], start: str) -> list[tuple[str, ...]]:
    return [
        (name, status, muted("never") if began is None else instant(start, began), took, result)
        for name, status, began, took, result in rows
    ]


def _action(label: str, state: Mapping[str, Any], told: Sequence[Moment]) -> tuple[str, str, int | None, str, str]:
    kind, mark = STATUS.get(state["status"], ("plain", ""))
    what = _tail(told, "action.started", label, f"the timeline started {label}: ")
    end = _tail(told, "action.ended", label, f"{label} ended as {state['status']}: ")
    hops = f" in {count(state['hops'], 'hop')}" if state["hops"] > 1 else ""
    name = join((h("strong", label), h("div", f"{what}{hops}")))
    result = join((h("div", end) if end else "", _code(state["code"], state["error"])))
    took = render_rough(state["took_ms"]) if state["started_ms"] is not None else ""
    return name, tone(kind, mark, state["status"]), state["started_ms"], took, result


def _tail(told: Sequence[Moment], kind: str, subject: str, head: str) -> str:
    """Return what a moment says after its usual beginning."""
    found = [moment.text for moment in told if moment.kind == kind and moment.subject == subject]
    return found[-1].removeprefix(head) if found else ""


def _code(number: int, error: str) -> Markup:
    """Return the product's code with its meaning, and ours."""
    ours = join(("error ", mono(error))) if error else ""
    if not number:
        return h("div", ours, class_="muted") if ours else Markup()
    code = catalog().codes.get(number)
    meaning = f"{code.name}: {code.meaning}" if code is not None else "not in the catalogue"
    parts = join((h("strong", f"code {number}"), f", {meaning}", "; " if ours else "", ours))
    return h("div", parts, class_="muted")


def _values(values: Mapping[str, Any]) -> Markup:
    return h("ul", *(h("li", mono(f"{name} = {_value(value)}")) for name, value in values.items()), class_="values")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    return str(value) or "nothing"


def _finding(finding: Mapping[str, Any], targets: Sequence[str]) -> tuple[str, ...]:
    cluster, subject = str(finding["cluster"]), str(finding["subject"])
    where = subject if subject == cluster else f"{cluster}/{subject}"
    number = int(finding["platform_code"])
    code = catalog().codes.get(number)
    platform = f"platform code {number}" + (f", {code.name}" if code is not None else "")
    before = f"before {', '.join(dict.fromkeys(targets))}"
    return (
        join((where, h("div", before, class_="muted"))),
        str(finding["sentence"]),
        str(finding["remedy"]),
        join((mono(str(finding["code"])), h("div", platform, class_="muted") if number else "")),
        muted(str(finding["source"])),
    )


def _plan(plan: Mapping[str, Any]) -> Markup:
    """Return one plan; a hop of several has its own fold."""
    stops = [str(plan["source"]), *(str(stop) for stop in plan["path"])]
    total = _range(plan["total"])
    title = h("h3", f"{plan['cluster']}: ", " \N{RIGHTWARDS ARROW} ".join(stops), " ", muted(total))
    hops: dict[str, list[Mapping[str, Any]]] = {}
    for step in plan["stages"]:
        hop, dot, _ = str(step["id"]).partition(".")
        hops.setdefault(hop if dot else "", []).append(step)
    if len(hops) == 1:
        return join((title, *(_steps(steps, hop) for hop, steps in hops.items())))
    folds = [
        folded(
            f"Hop {place} of {len(hops)}: {origin} \N{RIGHTWARDS ARROW} {stop}", _steps(steps, hop), is_open=place == 1
        )
        for place, ((hop, steps), origin, stop) in enumerate(zip(hops.items(), stops, stops[1:], strict=False), start=1)
    ]
    return join((title, *folds))


def _steps(steps: Sequence[Mapping[str, Any]], hop: str) -> Markup:
    rows = [
        (
            join((mono(_short(step["id"], hop)), h("div", step["title"]))),
            str(step["reason"]),
            str(step["guard"]),
            _felt(step),
            _range(step["duration"]),
            join((mono(_short(name, hop)) for name in step["after"]), ", ") or muted("nothing"),
        )
        for step in steps
    ]
    return table(("Step", "Reason", "Guard", "Who feels it", "Takes", "After"), rows, class_="plan")


def _short(step: str, hop: str) -> str:
    return step.removeprefix(f"{hop}.") if hop else step


def _felt(step: Mapping[str, Any]) -> Markup:
    if not step["disruption"]:
        return muted("nobody")
    felt = _range(step["felt"]) if step["felt"]["max_ms"] else ""
    return join((str(step["disruption"]), muted(f" ({felt})") if felt else ""))


def _range(interval: Mapping[str, Any]) -> str:
    low, high = render_rough(interval["min_ms"]), render_rough(interval["max_ms"])
    return low if low == high else f"{low} to {high}"


def _moment_table(told: Sequence[Moment], start: str) -> Markup:
    rows = [
        (
            instant(start, moment.t),
            muted(f"{clock_at(start, moment.t):%H:%M:%S}"),
            mono(str(moment.seq)),
            moment.text,
        )
        for moment in told
    ]
    return table(("Virtual time", "Clock", "Seq", "What"), rows, class_="moments")
