"""Whatever stands in a Cluster or World file: errors with places, never a traceback, and never half a document."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from qke_cli.documents import examine
from qke_core.billing import PriceBook
from qke_core.errors import InputError
from qke_core.models import ClusterDocument, WorldDocument
from qke_core.plan import plan_cluster
from qke_core.rules import check_cluster, check_world
from qke_sim.yamlfile import parse_one

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
CLUSTER = (EXAMPLES / "cluster.yaml").read_text(encoding="utf-8")
WORLD = (EXAMPLES / "world.yaml").read_text(encoding="utf-8")

YAML = ("", "null", "-1", "0", "1e9", "99999999999999999999", "true", "[]", "{}", "[1, {a: b}]", "'", '"', "@", "*x")
RANGES = ("fd00::/64", "10.0.0.1/8", "300.1.1.1/16", "192.168.1.0/99", "172.30.0.0/16")
WORDS = ("2.0.0", "3.3.0", "1.0.0", "-1GiB", "10TiB", "5", "2GiB", "master", "node_gpu", "active", "deleted", "ceased")
JUNK = st.one_of(st.sampled_from([*YAML, *RANGES, *WORDS, "eip-x", "vxnet-y", "\u00e9\u200b"]), st.text(max_size=12))


@st.composite
def mutations(draw: st.DrawFn, text: str) -> str:
    """Draw a text with some lines changed: a value replaced, a key renamed, a line dropped, doubled or moved."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        match draw(st.sampled_from(["value", "inner", "key", "drop", "double", "indent", "junk"])):
            case "value":
                head, colon, _ = line.partition(":")
                lines[place] = f"{head}{colon} {draw(JUNK)}"
            case "inner":
                cut = draw(st.integers(0, len(line)))
                lines[place] = line[:cut] + draw(JUNK) + line[cut:]
            case "key":
                lines[place] = line.replace(draw(st.sampled_from("aeionrst")), draw(st.sampled_from("xyz")), 1)
            case "drop":
                lines[place] = ""
            case "double":
                lines.insert(place, line)
            case "indent":
                lines[place] = " " * draw(st.integers(0, 6)) + line.lstrip()
            case _:
                lines[place] = draw(JUNK)
    return "\n".join(lines)


def judge(cluster: str, world: str) -> None:
    """Do what `qke validate` and `qke plan` do with these texts."""
    try:
        wish = examine(parse_one(cluster, "c.yaml"), ClusterDocument)
        around = examine(parse_one(world, "w.yaml"), WorldDocument)
    except InputError:
        return  # No YAML at all.
    assert wish.document is not None or wish.problems
    assert around.document is not None or around.problems
    assert all(problem.place is not None for problem in (*wish.problems, *around.problems))
    findings = [] if around.document is None else [*check_world(around.document)]
    sound = not any(finding.severity == "blocker" for finding in findings)
    if wish.document is not None:
        findings += check_cluster(wish.document, around.document if sound else None)
    for finding in findings:
        assert finding.sentence
        assert finding.remedy
        assert finding.source
        assert str(wish.source.place(finding.path))
    if sound and not wish.problems and not around.problems and wish.document and around.document:
        planned = plan_cluster(wish.document, around.document)
        assert planned.plan is not None or planned.blockers
        if planned.plan is not None:
            json.dumps(planned.plan.to_json())


@given(mutations(CLUSTER), st.just(WORLD))
@example(CLUSTER.replace("172.29.0.1/16", "172.29.0.1"), WORLD)
def test_any_cluster_file_is_judged(cluster: str, world: str):
    judge(cluster, world)


@given(st.just(CLUSTER), mutations(WORLD))
@example(CLUSTER, WORLD.replace("192.168.1.0/24", "192.168.1.0/32"))
def test_any_world_file_is_judged(cluster: str, world: str):
    judge(cluster, world)


@given(mutations(CLUSTER), mutations(WORLD))
def test_any_pair_of_files_is_judged(cluster: str, world: str):
    judge(cluster, world)


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str):
    judge(text, WORLD)
    judge(CLUSTER, text)
    with suppress(InputError):
        examine(parse_one(text, "p.yaml"), PriceBook)
