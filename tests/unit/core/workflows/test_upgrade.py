"""Does the upgrade workflow look before it asks, ask once, believe only its own eyes, and survive being killed?"""

from __future__ import annotations

import json

import pytest

from qke_core.errors import InputError, RefusedError, RemoteError, StuckError
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_core.workflows import UpgradeRequest, UpgradeResult, upgrade_cluster

ASK = "cloud.upgrade-cluster"


def upgrade(target: str = "2.0.0", **options):
    return upgrade_cluster(UpgradeRequest("cl-1", target, **options))


def test_the_happy_path_ends_at_the_target(world):
    result = world.run(upgrade())
    assert result.path == ("2.0.0",)
    assert world.version == "2.0.0"
    assert world.asked[ASK] == 1
    assert 45 * MS_PER_MIN <= result.took_ms <= 47 * MS_PER_MIN
    assert [topic for topic, _ in world.told] == ["plan", "preflight"]


def test_the_plan_and_the_findings_are_told_before_anything_is_asked(world):
    world.run(upgrade())
    names = [json.loads(line).get("intent", {}).get("name") for line in world.journal]
    assert names.index("tell") < names.index(ASK)
    plan, preflight = (body for _, body in world.told)
    assert plan["path"] == ["2.0.0"]
    assert plan["stages"][0]["id"] == "preflight"
    assert "upgrade.all-modules" in {finding["code"] for finding in preflight["findings"]}


def test_several_hops_are_upgraded_checked_and_verified_one_by_one(world):
    result = world.run(upgrade("3.3.0"))
    assert result.path == ("2.0.0", "3.0.0", "3.1.1", "3.2.1", "3.3.0")
    assert world.version == "3.3.0"
    assert world.asked[ASK] == 5
    assert [body["target"] for topic, body in world.told if topic == "preflight"] == list(result.path)


def test_where_one_is_nothing_is_asked(make_world):
    world = make_world("2.0.0")
    assert world.run(upgrade()).path == ()
    assert world.asked[ASK] == 0


@pytest.mark.guide("G-143")
def test_a_blocker_is_refused_before_anything_is_asked(world):
    """G-143."""
    world.node("master-2")["disk"] = 40_000
    world.node("node_perf-1")["disk"] = 1_000
    with pytest.raises(RefusedError) as caught:
        world.run(upgrade())
    error = caught.value
    assert error.code == "upgrade.disk-short"
    assert error.sentence.startswith("master-2 has 40000 MB free")
    assert error.sentence.endswith("(and 1 more)")
    assert error.facts == {"target": "2.0.0", "platform_code": 150, "blockers": 2}
    assert world.asked[ASK] == 0


@pytest.mark.guide("G-145")
def test_a_single_blocker_is_not_counted_and_a_rule_without_code_has_0(world):
    """G-145."""
    world.node("client-1")["status"] = "stopped"
    with pytest.raises(RefusedError) as caught:
        world.run(upgrade())
    assert caught.value.facts == {"target": "2.0.0", "platform_code": 0, "blockers": 1}
    assert "more)" not in caught.value.sentence


def test_a_reported_blocker_is_told_and_the_platform_decides(world):
    world.node("master-2")["disk"] = 40_000
    world.job_ends = {"status": "failed", "error_codes": "150"}
    with pytest.raises(RemoteError, match=r"upgrade\.job-failed"):
        world.run(upgrade(preflight="report"))
    assert world.asked[ASK] == 1
    assert "blocker" in {finding["severity"] for finding in world.told[1][1]["findings"]}


def test_a_blocker_of_a_later_hop_stops_there(world):
    """At 3.1.1 the platform wants sshd on port 22; at 2.0.0 and 3.0.0 nobody looks."""
    world.node("master-1")["port"] = 2222
    with pytest.raises(RefusedError) as caught:
        world.run(upgrade("3.3.0"))
    assert (caught.value.code, caught.value.facts["target"]) == ("upgrade.ssh-port", "3.1.1")
    assert (world.version, world.asked[ASK]) == ("3.0.0", 2)


@pytest.mark.guide("G-143")
def test_each_hop_is_checked_on_what_the_last_one_left_behind(world):
    """G-143: images of the first hop may fill the disk for the second."""
    move_to = world.move_to

    def fill(version: str) -> None:
        move_to(version)
        world.node("master-2")["disk"] = 51_199

    world.move_to = fill
    with pytest.raises(RefusedError) as caught:
        world.run(upgrade("3.0.0"))
    assert caught.value.facts == {"target": "3.0.0", "platform_code": 151, "blockers": 1}
    assert (world.version, world.asked[ASK]) == ("2.0.0", 1)


def test_no_way_is_refused_before_anything_is_asked(make_world):
    world = make_world("3.3.0")
    with pytest.raises(RefusedError, match=r"upgrade\.no-path"):
        world.run(upgrade("2.0.0"))
    assert world.asked[ASK] == 0


def test_an_unknown_target_is_an_input_error(world):
    with pytest.raises(InputError, match=r"version\.unknown"):
        world.run(upgrade("9.9.9"))
    assert world.asked[ASK] == 0


@pytest.mark.parametrize(
    ("codes", "number", "words"),
    [
        ("131", 131, "KubeSphere was not installed in the time"),
        ("", 0, "no further code"),
        ("77", 77, "no further code"),
        ("5200", 5200, "The zone has no capacity left for this"),
    ],
)
def test_a_failed_job_carries_the_products_code(world, codes: str, number: int, words: str):
    world.job_ends = {"status": "failed", "error_codes": codes}
    with pytest.raises(RemoteError) as caught:
        world.run(upgrade())
    error = caught.value
    assert error.code == "upgrade.job-failed"
    assert error.facts["platform_code"] == number
    assert error.facts["job"] == "j-1"
    assert words in error.sentence
    assert not error.retry


def test_a_job_done_with_failure_is_a_failed_job(world):
    world.job_ends = {"status": "done with failure", "error_codes": "150"}
    with pytest.raises(RemoteError, match="ended as done with failure with code 150"):
        world.run(upgrade())


def test_a_lost_answer_is_probed_and_not_asked_twice(world):
    world.jobs.append({"job_id": "j-1", "job_action": "UpgradeClusters", "status": "failed", "error_codes": "150"})
    world.trouble = [(ASK, "lost-after")]
    assert world.run(upgrade()).path == ("2.0.0",)
    assert world.asked[ASK] == 1
    assert [job["job_id"] for job in world.jobs] == ["j-1", "j-2"]


def test_a_lost_question_is_probed_and_asked_again(world):
    world.trouble = [(ASK, "lost-before"), (ASK, "lost-before")]
    assert world.run(upgrade()).path == ("2.0.0",)
    assert len(world.jobs) == world.asked[ASK] == 1


def test_a_lost_answer_is_found_among_many_old_jobs(world):
    """The API gives at most 100 jobs at a time; the new one must be among them."""
    old = {"job_action": "UpgradeClusters", "status": "successful", "error_codes": ""}
    world.jobs = [old | {"job_id": f"j-{number}"} for number in range(1, 151)]
    world.trouble = [(ASK, "lost-after")]
    assert world.run(upgrade()).path == ("2.0.0",)
    assert world.asked[ASK] == 1


def test_a_busy_cloud_is_asked_again(world):
    names = ["describe-cluster", "describe-cluster-jobs", "describe-cluster-environment", "upgrade-cluster"]
    world.trouble = [(f"cloud.{name}", "busy") for name in names] * 3
    assert world.run(upgrade()).path == ("2.0.0",)
    assert len(world.jobs) == 1


def test_a_plain_no_of_the_cloud_ends_the_run(world):
    world.cluster["transition_status"] = "updating"
    with pytest.raises(RemoteError, match=r"cloud\.refused"):
        world.run(upgrade(preflight="report"))
    assert world.jobs == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda world: world.node("node_perf-3").update(ready=False), "node i-node_perf-3 is not Ready"),
        (lambda world: setattr(world, "kubelets_follow", False), "still runs kubelet 1.13.5"),
    ],
    ids=["not ready", "old kubelet"],
)
def test_a_successful_job_that_left_something_behind_is_stuck(world, spoil, words: str):
    spoil(world)
    with pytest.raises(StuckError) as caught:
        world.run(upgrade())
    assert caught.value.code == "upgrade.unverified"
    assert words in caught.value.sentence
    assert world.now_ms > (45 + 10) * MS_PER_MIN


def test_an_api_server_that_never_comes_back_is_stuck(world):
    world.closed.add("kube")
    with pytest.raises(StuckError, match="its API server does not answer"):
        world.run(upgrade(preflight="report"))


def test_what_settles_within_ten_minutes_is_verified(world):
    world.node("node_perf-3")["ready"] = False
    pass_until = world.pass_until

    def heal(instant_ms: int) -> None:
        pass_until(instant_ms)
        world.node("node_perf-3")["ready"] = world.now_ms > 50 * MS_PER_MIN

    world.pass_until = heal
    assert world.run(upgrade()).took_ms > 50 * MS_PER_MIN


def test_a_job_that_never_ends_is_given_up_after_all_service_timeouts_and_an_hour(world):
    """3 h for masters and workers, 12 h for the client, 1 h on top."""
    world.job_takes_ms = 1_000 * MS_PER_H
    with pytest.raises(StuckError) as caught:
        world.run(upgrade(poll_ms=MS_PER_H))
    assert caught.value.code == "upgrade.job-stuck"
    assert 16 * MS_PER_H < world.now_ms <= 18 * MS_PER_H


def test_a_cluster_without_client_is_given_up_earlier(make_world):
    world = make_world(clients=0)
    world.job_takes_ms = 1_000 * MS_PER_H
    with pytest.raises(StuckError, match=r"upgrade\.job-stuck"):
        world.run(upgrade(poll_ms=MS_PER_H))
    assert 4 * MS_PER_H < world.now_ms <= 6 * MS_PER_H


def test_a_job_that_the_platform_forgot_is_an_error(world):
    pass_until = world.pass_until

    def forget(instant_ms: int) -> None:
        pass_until(instant_ms)
        if world.now_ms > 10 * MS_PER_MIN:
            world.jobs.clear()

    world.pass_until = forget
    with pytest.raises(RemoteError) as caught:
        world.run(upgrade())
    assert (caught.value.code, caught.value.facts["job"]) == ("upgrade.job-lost", "j-1")


@pytest.mark.parametrize("poll_ms", [MS_PER_MIN, 10 * MS_PER_MIN])
def test_the_job_is_looked_at_once_per_pause(world, poll_ms: int):
    world.run(upgrade(poll_ms=poll_ms))
    # Two lists before and after the question, and one look at each end of every pause.
    assert world.asked["cloud.describe-cluster-jobs"] <= 3 + 45 * MS_PER_MIN // poll_ms


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_anywhere_and_resumed_it_ends_the_same_with_one_upgrade(make_world, killed, moment: str):
    calm = make_world(workers=1)
    result: UpgradeResult = calm.run(upgrade(poll_ms=15 * MS_PER_MIN))
    positions = len(calm.journal)
    assert positions > 50
    for position in range(1, positions + 1):
        world = make_world(workers=1)
        try:
            world.run(upgrade(poll_ms=15 * MS_PER_MIN), stop_at=(position, moment))
        except killed:
            world.pass_until(world.now_ms + 20_000)
        again = world.run(upgrade(poll_ms=15 * MS_PER_MIN))
        assert again.path == result.path
        assert world.version == "2.0.0"
        assert len(world.jobs) == 1, f"killed {moment} record {position}"


def test_a_killed_run_whose_probe_finds_a_busy_cloud_still_asks_once(world, killed):
    names = []

    def upgrade_intent() -> int:
        calm = type(world)()
        calm.run(upgrade())
        names.extend(json.loads(line).get("intent", {}).get("name") for line in calm.journal)
        return names.index(ASK) + 1

    with pytest.raises(killed):
        world.run(upgrade(), stop_at=(upgrade_intent(), "after"))
    world.trouble = [("cloud.describe-cluster-jobs", "busy")] * 10  # As long as one probe is patient.
    assert world.run(upgrade()).path == ("2.0.0",)
    assert len(world.jobs) == 1
    assert world.asked[ASK] == 1
