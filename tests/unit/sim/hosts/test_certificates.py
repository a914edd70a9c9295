"""Certificates, their timers, and the docker prune: what happens at night, and what costs nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qke_core.catalog import catalog
from qke_sim.hosts.appctl import Run, run_command
from qke_sim.hosts.certificates import RENEWED, due, left_ms, unhealthy
from qke_sim.hosts.mishaps import end_certificates
from qke_sim.hosts.prune import prune
from qke_sim.hosts.site import Site
from qke_sim.hosts.timers import DAY_MS, first_divided, next_night
from qke_sim.kernel import Kernel, Process
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

TWO = [version for version in catalog().order if not version.startswith("1.")]
YEAR_MS = 366 * DAY_MS
OFFSET_MS = catalog().constant("node_utc_offset_s") * 1000

Stand = Callable[..., Site]


@pytest.fixture
def standing(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Stand:
    """Return a cluster that has stood for long."""

    def make(version: str, **parts: object) -> Site:
        roles = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
        return twin_of(new_kernel(), {"name": "shop", "version": version, "roles": roles, **parts}).site("shop")

    return make


def live(site: Site, ms: int) -> list[TraceRecord]:
    """Let virtual time pass; return what was recorded."""
    begun = len(site.kernel.trace.records)
    site.kernel.spawn(_wait(site.kernel, ms))
    site.kernel.run(site.kernel.now + ms)
    return list(site.kernel.trace.records[begun:])


def _wait(kernel: Kernel, ms: int) -> Process[None]:
    yield kernel.pause(ms)


def clock_of_day_ms(site: Site, at_ms: int) -> int:
    return (site.kernel.epoch_ms + OFFSET_MS + at_ms) % DAY_MS


def renewals(records: list[TraceRecord]) -> list[TraceRecord]:
    return [record for record in records if record.kind == "certificates.renewed"]


# --- Renewal


@pytest.mark.parametrize("version", TWO)
def test_all_six_are_renewed_at_night_when_the_first_has_30_days_left(standing: Stand, version: str) -> None:
    site = standing(version)
    found = renewals(live(site, YEAR_MS))
    assert [record.subject for record in found] == sorted(record.subject for record in found) or len(found) == 3
    assert len(found) == 3
    for record in found:
        assert record.data["names"] == list(RENEWED)
        of_day = clock_of_day_ms(site, record.t)
        assert (2 * 60 + 25) * 60_000 <= of_day <= (2 * 60 + 35) * 60_000 + 20_000
        age = record.t + catalog().constant("certificate_age_s") * 1000
        assert 335 * DAY_MS <= age <= 336 * DAY_MS + 700_000


@pytest.mark.parametrize("version", TWO)
def test_a_renewal_restarts_the_control_plane_for_seconds_and_users_notice_nothing(
    standing: Stand, version: str
) -> None:
    records = live(standing(version), YEAR_MS)
    downs = [record for record in records if record.kind == "apiserver.down"]
    assert [record.data["why"] for record in downs] == ["it got SIGHUP"] * 3
    assert not [record for record in records if record.kind == "api.unavailable"]


@pytest.mark.parametrize("version", [*TWO, "1.0.0"])
def test_a_year_without_trouble_costs_a_few_events(standing: Stand, version: str) -> None:
    site = standing(version)
    before = site.kernel.steps
    live(site, 300 * DAY_MS)
    assert site.kernel.steps - before <= 20


def test_timers_keep_no_run_going(standing: Stand) -> None:
    site = standing("3.3.0")
    assert site.kernel.run(YEAR_MS)
    assert site.kernel.now < DAY_MS


def test_1_0_1_kills_the_control_plane_of_every_master_at_every_midnight(standing: Stand) -> None:
    site = standing("1.0.1")
    records = live(site, 10 * DAY_MS)
    downs = [record for record in records if record.kind == "apiserver.down"]
    assert len(downs) == 30
    assert {clock_of_day_ms(site, record.t) for record in downs} == {0}
    assert len([record for record in records if record.kind == "kubelet.started"]) == 30
    assert not renewals(records)


def test_1_0_0_renews_and_restarts_nothing_so_its_api_servers_end_with_their_certificates(standing: Stand) -> None:
    site = standing("1.0.0")
    records = live(site, YEAR_MS)
    assert len(renewals(records)) == 3
    downs = [record for record in records if record.kind == "apiserver.down"]
    assert [record.data["why"] for record in downs] == ["its certificate has expired"] * 3
    assert not site.plane.available


@pytest.mark.parametrize("version", TWO)
def test_the_menu_renews_whatever_the_age(standing: Stand, version: str) -> None:
    site = standing(version)
    host = site.hosts["master1"]
    before = left_ms(host)
    running = host.execute(run_command(Run(site, host, "renew_certs", version), 0))
    site.kernel.run(DAY_MS)
    assert running.done.value == 0
    after = left_ms(host)
    assert before is not None
    assert after is not None
    assert after > before
    assert "kubeconfig" in site.hosts["client1"].files


@pytest.mark.parametrize(
    ("left_days", "is_due", "is_unhealthy"), [(31, False, False), (30, True, False), (25, True, True)]
)
def test_30_days_are_due_and_25_are_unhealthy(
    standing: Stand,
    left_days: int,
    is_due: bool,  # noqa: FBT001 - parameter of a table
    is_unhealthy: bool,  # noqa: FBT001 - parameter of a table
) -> None:
    site = standing("3.3.0")
    end_certificates(site, "master1", site.kernel.now + left_days * DAY_MS, 0)
    assert due(site.hosts["master1"]) == is_due
    assert unhealthy(site.hosts["master1"]) == is_unhealthy


def test_an_expired_certificate_takes_its_api_server_down_until_it_is_renewed(standing: Stand) -> None:
    site = standing("3.3.0")
    for alias in ("master1", "master2", "master3"):
        end_certificates(site, alias, site.kernel.now, 0)
    assert not site.plane.available
    host = site.hosts["master2"]
    running = host.execute(run_command(Run(site, host, "revive", "3.3.0"), 0))
    site.kernel.run(DAY_MS)
    assert running.done.value == 0
    assert site.plane.masters["master2"].answers


def test_a_node_that_starts_renews_what_is_due(standing: Stand) -> None:
    site = standing("3.3.0")
    host = site.hosts["master1"]
    end_certificates(site, "master1", site.kernel.now + 20 * DAY_MS, 0)
    running = host.execute(run_command(Run(site, host, "start", "3.3.0"), 0))
    site.kernel.run(DAY_MS)
    assert running.done.value == 0
    assert not due(host)


# --- Prune


@pytest.mark.guide("G-061", "G-062")
@pytest.mark.parametrize("version", TWO)
def test_the_prune_runs_at_02_35_and_removes_what_is_older_than_its_days(standing: Stand, version: str) -> None:
    """G-061, G-062: 3 days unless told."""
    site = standing(version)
    host = site.hosts["node_perf1"]
    free = host.data_free_mib
    host.leave_garbage(700, "a test", 0)
    (pruned,) = [record for record in live(site, 10 * DAY_MS) if record.kind == "docker.pruned"]
    assert 3 * DAY_MS <= pruned.t <= 4 * DAY_MS + 3_700_000
    assert (2 * 60 + 35) * 60_000 <= clock_of_day_ms(site, pruned.t) <= (3 * 60 + 36) * 60_000
    assert host.data_free_mib == free


@pytest.mark.guide("G-062")
@pytest.mark.parametrize(("version", "prunes"), [("2.0.0", True), ("3.0.0", True), ("3.1.0", False), ("3.3.0", False)])
def test_zero_days_prune_everything_up_to_3_0_0_and_nothing_later(
    standing: Stand,
    version: str,
    prunes: bool,  # noqa: FBT001 - parameter of a table
) -> None:
    """G-062."""
    site = standing(version, env={"docker_prune_days": 0})
    site.hosts["node_perf1"].leave_garbage(700, "a test", 0)
    assert any(record.kind == "docker.pruned" for record in live(site, 40 * DAY_MS)) == prunes


def test_1_x_prunes_on_days_of_the_year_that_its_days_divide(standing: Stand) -> None:
    site = standing("1.0.1", env={"docker_prune_days": 7})
    site.hosts["node_perf1"].leave_garbage(700, "a test", 0)
    (pruned,) = [record for record in live(site, 20 * DAY_MS) if record.kind == "docker.pruned"]
    assert pruned.t == first_divided(site, 0, 1, 7)


def test_a_prune_by_hand_takes_the_days_that_it_is_given(standing: Stand) -> None:
    site = standing("3.3.0")
    host = site.hosts["node_perf1"]
    host.leave_garbage(700, "a test", 0)
    assert prune(host, 1, 0) == 0
    live(site, DAY_MS)
    assert prune(host, 1, 0) > 0


def test_the_next_night_is_at_its_time_and_within_a_day(standing: Stand) -> None:
    site = standing("3.3.0")
    for from_ms in (0, 1, 5_400_000, 123_456_789):
        at_ms = next_night(site, 8700, from_ms)
        assert from_ms <= at_ms < from_ms + DAY_MS
        assert clock_of_day_ms(site, at_ms) == 8_700_000
