"""The types that users of the core see, pinned. basedpyright judges this file; running it proves only that it imports.

Unions stand without quotes so that ruff sees the names; nothing below runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, assert_type

from qke_core.catalog import Catalog, catalog
from qke_core.documents import Source, validate
from qke_core.effects import (
    ClusterNodeView,
    ClusterView,
    DescribeCluster,
    DescribeClusterEnvironment,
    DescribeClusterJobs,
    DescribeClusterNodes,
    DiskFree,
    Effect,
    EnvironmentView,
    Flow,
    JobView,
    Json,
    JsonObject,
    KubeNodeView,
    ListNodes,
    ListUnboundClaims,
    NodePage,
    Now,
    Settled,
    Sleep,
    SshPort,
    Tell,
    UpgradeCluster,
    list_cluster_nodes,
    perform,
    perform_all,
    perform_patiently,
)
from qke_core.errors import InputError, Problem, QkeError
from qke_core.journal import Intent, JournalRecord, Replay, Reply, parse_record
from qke_core.models import ClusterDocument, ClusterObservation
from qke_core.plan import Interval, UpgradePlan, plan_upgrade
from qke_core.rules import Finding, check_upgrade
from qke_core.runner import Runner, step_through
from qke_core.versions import version_path
from qke_core.workflows import UpgradeRequest, UpgradeResult, observe_cluster, upgrade_cluster


def a_flow() -> Flow[int]:
    """Inside a flow each reply has the type of its effect."""
    assert_type((yield from perform(Now())), int)
    assert_type((yield from perform(Sleep(1))), None)
    assert_type((yield from perform(Tell("a", "b", "{}"))), None)
    assert_type((yield from perform(DescribeCluster("c"))), ClusterView | None)
    assert_type((yield from perform(DescribeClusterEnvironment("c"))), EnvironmentView)
    assert_type((yield from perform(DescribeClusterJobs("c"))), tuple[JobView, ...])
    assert_type((yield from perform(DescribeClusterNodes("c"))), NodePage)
    assert_type((yield from list_cluster_nodes("c")), tuple[ClusterNodeView, ...])
    assert_type((yield from perform(ListNodes("c"))), tuple[KubeNodeView, ...])
    assert_type((yield from perform(ListUnboundClaims("c"))), tuple[str, ...])
    assert_type((yield from perform(DiskFree("c", "n"))), int)
    assert_type((yield from perform(SshPort("c", "n"))), int)
    assert_type((yield from perform(UpgradeCluster("c", "v", known_jobs=()))), str)
    assert_type((yield from perform_patiently(UpgradeCluster("c", "v", known_jobs=()))), str)
    assert_type((yield from perform_all([perform(Now()), perform(Now())])), tuple[int, ...])
    assert_type((yield from observe_cluster("c")), ClusterObservation)
    assert_type((yield from upgrade_cluster(UpgradeRequest("c", "2.0.0"))), UpgradeResult)
    return 1


def flows() -> None:
    assert_type(a_flow(), Flow[int])
    assert_type(perform(Now()), Flow[int])
    assert_type(UpgradeCluster("c", "v", known_jobs=()).probe(), Flow[Settled | None])
    effect: Effect[object] = ListNodes("c")  # The reply is covariant.
    assert_type(effect.to_json(), JsonObject)


def running(clock: Callable[[], int], replay: Replay) -> None:
    assert_type(step_through(a_flow(), replay, clock), Runner[int])
    assert_type(parse_record("{}"), JournalRecord)
    assert_type(replay.intent("0", {}), Intent | None)
    assert_type(replay.reply("0"), Reply | None)
    reply: Json = {"a": [1, 2.0, "b", None, True]}
    assert_type(Reply("0", 0, reply).error, "JsonObject | None")


def planning(cluster: ClusterObservation, source: Source) -> None:
    assert_type(catalog(), Catalog)
    assert_type(version_path(catalog(), "1.0.1", "2.0.0"), tuple[str, ...])
    assert_type(plan_upgrade(cluster, "2.0.0", catalog()), UpgradePlan)
    assert_type(plan_upgrade(cluster, "2.0.0", catalog()).total, Interval)
    assert_type(check_upgrade(cluster, "2.0.0", catalog()), tuple[Finding, ...])
    assert_type(validate(ClusterDocument, source), ClusterDocument)


def errors(error: QkeError) -> None:
    assert_type(error.facts, dict[str, str | int | bool])
    assert_type(InputError.of([Problem("a", "b", "c")]), InputError)


if TYPE_CHECKING:
    # What must not type-check: each ignore is an error of its own the day it becomes unnecessary.
    wrong_reply: Flow[str] = perform(Now())  # pyright: ignore[reportAssignmentType] - the reply is an int
    wrong_mix: Flow[Any] = perform_all([Now()])  # pyright: ignore[reportArgumentType] - effects are not flows


def test_the_pinned_flow_is_a_flow():
    effect = next(a_flow())
    assert effect == Now()
