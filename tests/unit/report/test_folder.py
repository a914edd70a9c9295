"""A run folder is enough to run again, and says where another run parts from it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from qke_core.errors import InputError
from qke_sim.report.folder import first_difference, folder_name, read_folder, render_folder, replay
from qke_sim.scenario import RunResult, load_story, run_story

SCENARIO = Path(__file__).parents[3] / "scenarios" / "upgrade-single-master.yaml"


@cache
def result() -> RunResult:
    return run_story(load_story(SCENARIO), seed=3, metrics=True)


@cache
def files() -> dict[str, bytes]:
    return render_folder(result(), "0.1.0")


def reader(changed: dict[str, str] | None = None):
    texts = {name: content.decode() for name, content in files().items() if not name.endswith(".parquet")}
    texts.update(changed or {})
    return texts.__getitem__


def test_a_folder_is_named_after_scenario_seed_and_digest() -> None:
    assert folder_name(result()) == f"upgrade-single-master-3-{result().digest[:8]}"


def test_a_folder_holds_what_the_run_was_made_of_and_what_it_left() -> None:
    expected = ["scenario.yaml", "manifests/shop.yaml", "trace.jsonl", "metrics.parquet", "summary.json", "report.html"]
    assert list(files()) == expected
    assert files()["scenario.yaml"] == SCENARIO.read_bytes()
    assert len(files()["trace.jsonl"].splitlines()) == result().record_count


def test_a_saved_run_is_run_again_with_its_seed_and_is_the_same() -> None:
    saved = read_folder(reader())
    again, difference = replay(saved)
    assert saved.seed == 3
    assert difference is None
    assert again.digest == result().digest


def test_replay_names_the_first_record_that_differs() -> None:
    lines = files()["trace.jsonl"].decode().splitlines(keepends=True)
    record = json.loads(lines[40])
    record["subject"] = "somebody else"
    lines[40] = json.dumps(record) + "\n"
    _, difference = replay(read_folder(reader({"trace.jsonl": "".join(lines)})))
    assert difference is not None
    assert difference.seq == 40
    assert difference.saved is not None
    assert difference.saved.subject == "somebody else"
    assert difference.now == result().records[40]


def test_a_trace_that_only_ends_earlier_differs_at_its_end() -> None:
    records = result().records
    difference = first_difference(records[:50], records)
    assert (difference.seq, difference.saved, difference.now) == (50, None, records[50])


def test_replay_notices_a_changed_scenario() -> None:
    changed = files()["scenario.yaml"].decode().replace("at: 10m", "at: 11m")
    _, difference = replay(read_folder(reader({"scenario.yaml": changed})))
    assert difference is not None
    assert difference.saved is not None
    assert difference.saved.kind == "action.started"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("summary.json", "{", "run.summary-damaged"),
        ("summary.json", '{"format": 99, "seed": 1, "digest": ""}', "run.format"),
        ("trace.jsonl", '{"t": 0}\n', "run.trace-damaged"),
        ("scenario.yaml", "kind: Scenario\n", "document.key-missing"),
    ],
)
def test_a_damaged_folder_says_what_is_damaged(name: str, text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_folder(reader({name: text}))
    assert caught.value.code == code


def test_metrics_are_a_table_of_changes() -> None:
    table = pq.read_table(io.BytesIO(files()["metrics.parquet"])).to_pylist()
    api = [(row["t_ms"], row["number"]) for row in table if row["measure"] == "shop.api.available"]
    assert [number for _, number in api] == [1.0, *([0.0, 1.0] * result().outages["shop/api"].count)]
    down = sum(back - gone for (gone, _), (back, _) in zip(api[1::2], api[2::2], strict=True))
    assert down == result().outages["shop/api"].total_ms
    versions = [row["text"] for row in table if row["measure"] == "shop.version"]
    assert versions == ["1.0.1", "2.0.0"]


def test_the_summary_counts_the_same_outages_as_the_trace() -> None:
    summary = json.loads(files()["summary.json"])
    api = summary["outages"]["shop/api"]
    assert api["total_ms"] == sum(end - start for start, end in api["gaps_ms"])
    assert api["count"] == len(api["gaps_ms"])
    assert summary["held"] is True
    assert summary["digest"] == result().digest


def test_a_run_of_another_seed_is_not_the_same() -> None:
    saved = read_folder(reader())
    _, difference = replay(replace(saved, seed=4))
    assert difference is not None
    assert difference.seq == 0
