"""From tables to nouns, second half: what takes time. Budgets, durations, scripts, constants."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from qke_core.catalog.facts import Budget, Command, Duration, Exhaustion, Night, RoleKind, ScriptKey, ScriptStep
from qke_core.catalog.parse_app import known_code
from qke_core.catalog.reader import Document, Table, put_once

_OUTCOMES: tuple[Literal["last", "skip", "warn"], ...] = ("last", "skip", "warn")
_DISTRIBUTIONS: tuple[Literal["triangular", "fixed"], ...] = ("triangular", "fixed")
_KINDS: tuple[RoleKind, ...] = get_args(RoleKind)
_RENEWS: tuple[Literal["each", "all"], ...] = ("each", "all")
_RESTARTS: tuple[Literal["never", "always", "renewed"], ...] = ("never", "always", "renewed")
_DAYS: tuple[Literal["age", "every"], ...] = ("age", "every")
_ZERO: tuple[Literal["skip", "everything"], ...] = ("skip", "everything")
COMMANDS: tuple[Command, ...] = get_args(Command)


def parse_budgets(document: Document, order: tuple[str, ...], codes: Collection[int]) -> dict[tuple[str, str], Budget]:
    """Read `[[budget]]`; one table may stand for several versions with the same values."""
    budgets: dict[tuple[str, str], Budget] = {}
    for table in document.tables("budget", by=("name", "versions")):
        budget = _budget(table, codes)
        for version in table.choices("versions", order):
            put_once(budgets, table, (budget.name, version), budget)
    return budgets


def _budget(table: Table, codes: Collection[int]) -> Budget:
    on_exhausted, code = _exhaustion(table, codes)
    basis, source = table.provenance()
    return Budget(
        name=table.text("name"),
        attempts=table.integer("attempts", at_least=1),
        interval_ms=table.integer("interval_ms"),
        on_exhausted=on_exhausted,
        code=code,
        stop_codes=tuple(known_code(table, stop, codes) for stop in table.integers("stop_codes")),
        requires_ready=table.flag("requires_ready", default=False),
        final_sleep=table.flag("final_sleep", default=True),
        basis=basis,
        source=source,
    )


def _exhaustion(table: Table, codes: Collection[int]) -> tuple[Exhaustion, int | None]:
    outcome = table.integer_or_choice("on_exhausted", _OUTCOMES)
    if isinstance(outcome, int):
        return "code", known_code(table, outcome, codes)
    return outcome, None


def parse_durations(document: Document) -> dict[str, Duration]:
    """Read `[[duration]]`: the distributions of the profile."""
    durations: dict[str, Duration] = {}
    for table in document.tables("duration", by=("name",)):
        duration = _duration(table)
        put_once(durations, table, duration.name, duration)
    return durations


def _duration(table: Table) -> Duration:
    if table.choice("distribution", _DISTRIBUTIONS) == "fixed":
        low = mode = high = table.integer("value_ms")
    else:
        low, mode, high = (table.integer(key) for key in ("min_ms", "mode_ms", "max_ms"))
    if not low <= mode <= high:
        raise table.error(f"min_ms, mode_ms, max_ms must not fall, but are {low}, {mode}, {high}")
    basis, source = table.provenance()
    spread = table.integer("spread_percent") if table.has("spread_percent") else None
    note, on_disk = table.text("note", default=""), table.flag("on_disk", default=False)
    return Duration(table.text("name"), low, mode, high, spread, basis, source, note, on_disk)


def parse_scripts(
    documents: Collection[Document],
    order: tuple[str, ...],
    durations: Collection[str],
    budgets: Mapping[tuple[str, str], Budget],
) -> dict[ScriptKey, tuple[ScriptStep, ...]]:
    """Read `[[script]]` of all given files; one table may stand for several versions and kinds of nodes.

    A script has at least one step at each of its versions, and a step names only durations and budgets that exist for
    every version at which it is there: from `since` to `until`.
    """
    scripts: dict[ScriptKey, tuple[ScriptStep, ...]] = {}
    for document in documents:
        for table in document.tables("script", by=("command", "versions", "kinds")):
            _ = table.provenance()
            command, kinds = table.choice("command", COMMANDS), table.choices("kinds", _KINDS)
            rows = table.tables("step", by=("do",))
            for version in table.choices("versions", order):
                waits = {name for name, at in budgets if at == version}
                steps = tuple(_step(row, durations, waits) for row in rows if _stands(row, version, order))
                if not steps:
                    raise table.error("a script needs at least one step")
                for kind in kinds:
                    put_once(scripts, table, (command, version, kind), steps)
    return scripts


def _stands(row: Table, version: str, order: tuple[str, ...]) -> bool:
    """Whether a step is there at a version."""
    first = row.choice("since", order) if row.has("since") else order[0]
    last = row.choice("until", order) if row.has("until") else order[-1]
    return order.index(first) <= order.index(version) <= order.index(last)


def _step(table: Table, durations: Collection[str], waits: Collection[str]) -> ScriptStep:
    return ScriptStep(
        do=table.text("do"),
        duration=_named(table, "duration", durations, "durations.toml"),
        wait=_named(table, "wait", waits, "budgets.toml for this version"),
        only=table.texts("only"),
        phase=table.text("phase", default=""),
        note=table.text("note", default=""),
    )


def _named(table: Table, key: str, known: Collection[str], where: str) -> str | None:
    if not table.has(key):
        return None
    name = table.text(key)
    if name not in known:
        raise table.error(f"{key} {name!r} is not in {where}")
    return name


def parse_constants(documents: Collection[Document]) -> dict[str, int]:
    """Read `[[constant]]` of all given files into one space of names."""
    constants: dict[str, int] = {}
    for document in documents:
        for table in document.tables("constant", by=("name",)):
            _ = table.provenance()
            put_once(constants, table, table.text("name"), table.integer("value"))
    return constants


def parse_nights(document: Document, order: tuple[str, ...], durations: Collection[str]) -> dict[str, Night]:
    """Read `[[night]]`; every version must have one."""
    nights: dict[str, Night] = {}
    for table in document.tables("night", by=("versions",)):
        night = Night(
            table.integer("at_s"),
            _named(table, "delay", durations, "durations.toml") or "",
            table.choice("renews", _RENEWS),
            table.choice("restarts", _RESTARTS),
            table.integer("prune_at_s"),
            _named(table, "prune_delay", durations, "durations.toml") or "",
            table.choice("days", _DAYS),
            table.choice("zero", _ZERO),
            *table.provenance(),
        )
        for version in table.choices("versions", order):
            put_once(nights, table, version, night)
    missing = [version for version in order if version not in nights]
    if missing:
        raise document.error(f"no night for {', '.join(missing)}")
    return nights
