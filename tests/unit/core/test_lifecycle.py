"""Do the tables of statuses know every operation, agree with what changes do, and say no as the cloud does?"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import get_args

import networkx as nx
import pytest

from qke_core.catalog import catalog
from qke_core.lifecycle import (
    BALANCERS,
    BY_ITSELF,
    EIPS,
    INSTANCES,
    JOBS,
    NODES,
    NOT_FOUND,
    NOT_PERMITTED,
    ROUTERS,
    SNAPSHOTS,
    TABLE,
    VOLUMES,
    InstanceStatus,
    JobStatus,
    NodeStatus,
    TransitionStatus,
    allowed,
    operations_in,
    outcome,
    refusal,
)
from qke_core.models import Phase
from qke_core.plan import OPERATIONS

PHASES: tuple[Phase, ...] = get_args(Phase)
TABLES = (TABLE, INSTANCES, VOLUMES, SNAPSHOTS, BALANCERS, EIPS, ROUTERS)


def test_every_operation_of_a_plan_has_its_row_in_the_same_order():
    assert list(TABLE) == [change.operation for change in OPERATIONS]
    assert all(name == found.operation for name, found in TABLE.items())


@pytest.mark.parametrize(
    ("phase", "operations"),
    [
        ("absent", ("create",)),
        (
            "active",
            (
                *("add-nodes", "delete-nodes", "resize", "change-parameters", "change-modules", "change-eip"),
                *("stop", "restart", "upgrade", "delete"),
            ),
        ),
        ("stopped", ("start", "delete")),
        ("suspended", ("delete",)),
        ("deleted", ("recover", "cease")),
        ("ceased", ("create",)),
    ],
)
def test_each_status_takes_its_operations_and_no_other(phase: Phase, operations: tuple[str, ...]):
    assert operations_in(phase) == operations
    for name in TABLE:
        assert allowed(name, phase) == (name in operations)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("operation", list(TABLE))
def test_a_refusal_has_the_clouds_own_code(operation: str, phase: Phase):
    code = refusal(operation, phase)
    if allowed(operation, phase):
        assert code == 0
    else:
        assert code == (NOT_FOUND if phase in {"absent", "ceased"} else NOT_PERMITTED)
        assert code in catalog().ret_codes


@pytest.mark.parametrize(
    ("operation", "phase", "after", "after_failure"),
    [
        ("create", "absent", "active", "active"),
        ("add-nodes", "active", "active", "active"),
        ("start", "stopped", "active", "stopped"),
        ("stop", "active", "stopped", "active"),
        ("delete", "active", "deleted", "active"),
        ("delete", "suspended", "deleted", "suspended"),
        ("recover", "deleted", "active", "deleted"),
        ("cease", "deleted", "ceased", "deleted"),
    ],
)
@pytest.mark.guide("G-165")
def test_a_job_ends_where_its_row_says(operation: str, phase: Phase, after: Phase, after_failure: Phase):
    assert outcome(operation, phase) == after
    assert outcome(operation, phase, failed=True) == after_failure


def test_every_word_is_one_of_the_platforms():
    shown = {found.through for table in TABLES for found in table.values()}
    assert shown == set(get_args(TransitionStatus))


def test_a_deletion_of_a_cluster_can_be_undone_until_it_is_ceased():
    ways: nx.DiGraph[str] = nx.DiGraph()
    for found in TABLE.values():
        ways.add_edges_from((start, found.ends_in or start) for start in found.starts_from)
    ways.add_edges_from((move.starts, move.ends) for move in BY_ITSELF)
    assert set(ways) == set(PHASES)
    for phase in ("active", "stopped", "suspended", "deleted"):
        assert nx.has_path(ways, phase, "active")
        assert nx.has_path(ways, phase, "ceased")
    # From the end nothing leads on but a new cluster under the old name.
    assert set(ways.successors("ceased")) == {"active"} == set(ways.successors("absent"))


@pytest.mark.guide("G-166")
def test_the_platform_ceases_by_itself_only_what_is_in_the_recycle_bin():
    assert [(move.starts, move.why) for move in BY_ITSELF if move.ends == "ceased"] == [
        ("deleted", "2 hours in the recycle bin")
    ]


@pytest.mark.parametrize(
    ("moves", "words", "first", "ends"),
    [
        (JOBS, JobStatus, "pending", {"successful", "failed", "done with failure"}),
        (NODES, NodeStatus, "pending", {"ceased"}),
    ],
)
def test_jobs_and_nodes_begin_pending_reach_every_status_and_end(
    moves: tuple, words: object, first: str, ends: set[str]
):
    ways = nx.DiGraph([(move.starts, move.ends) for move in moves])
    assert set(ways) == set(get_args(words))
    assert nx.descendants(ways, first) == set(ways) - {first}
    assert {status for status, leaving in ways.out_degree() if not leaving} == ends
    assert all(move.why for move in moves)


def test_instances_begin_running_reach_every_status_and_end_ceased():
    ways: nx.DiGraph[str] = nx.DiGraph()
    for found in INSTANCES.values():
        ways.add_edges_from((start, found.ends_in or start) for start in found.starts_from)
    assert set(ways) == set(get_args(InstanceStatus)) - {"pending"}
    assert nx.descendants(ways, "running") == set(ways) - {"running"}
    assert not list(ways.successors("ceased"))
    assert INSTANCES["run"].ends_in == "running"


def test_the_picture_of_a_cluster_shows_every_way_and_no_other():
    part = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "parts" / "lifecycle.py"))
    picture = "\n".join(part["lines"]()).split("```")[1]
    shown = {
        (start, end, label.strip())
        for start, end, labels in re.findall(r"^ +(\w+) --> (\w+): (.+)$", picture, re.MULTILINE)
        for label in labels.split(", ")
    }
    expected = {
        (start, found.ends_in or start, name) for name, found in TABLE.items() for start in found.starts_from
    } | {(move.starts, move.ends, f"({move.why})") for move in BY_ITSELF}
    assert shown == expected


def test_only_the_part_between_the_marks_is_written_anew():
    part = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "parts" / "lifecycle.py"))
    page = f"before\n{part['BEGIN']}\nold\n{part['END']}\nafter\n"
    filled = part["fill"](page)
    assert filled.startswith("before\n")
    assert filled.endswith("\nafter\n")
    assert "old" not in filled
    assert part["fill"](filled) == filled
