"""`qke-sim new`, `schema`, `measures`: what people can write."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from qke_sim.yamlfile import parse_one

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def test_the_starter_runs_as_it_is(qke_sim, tmp_path):
    made = qke_sim("new", "scenario")

    assert (made.returncode, made.stdout) == (0, "")
    assert made.stderr == "Wrote scenario.yaml. Next: qke-sim run scenario.yaml\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenario.yaml"]
    assert qke_sim("run", "scenario.yaml", "--quiet").returncode == 0


def test_the_starter_runs_with_everything_in_it_that_is_commented_out(qke_sim, tmp_path):
    """Every commented line is valid: an example that does not run teaches nonsense."""
    text = qke_sim("new", "scenario", "-").stdout
    inside = re.sub(r"^( *)# ((?:- |  )?[\w{-][\w-]*:? .*)$", r"\1\2", text, flags=re.MULTILINE)
    faults = re.findall(r"^#?   - (\{kind: .*\})$", text, re.MULTILINE)
    expectations = re.findall(r"^  # - (\{(?:always|at_end|never|eventually).*?\}) #", text, re.MULTILINE)
    actions = re.findall(r"^  # - (\{(?:name|after): next.*\})$", text, re.MULTILINE)
    assert inside != text
    assert (len(faults), len(expectations), len(actions)) == (10, 2, 2)
    text = text.replace("expect:\n", "expect:\n" + "".join(f"  - {line}\n" for line in expectations))
    text = text.replace("timeline:\n", "timeline:\n" + "".join(f"  - {line}\n" for line in actions))
    text += "faults:\n" + "".join(f"  - {line}\n" for line in faults)
    (tmp_path / "all.yaml").write_text(text, encoding="utf-8")

    done = qke_sim("measures", "all.yaml")

    assert done.returncode == 0, done.stderr


def test_a_starter_never_overwrites_a_file_unasked(qke_sim, tmp_path):
    (tmp_path / "mine.yaml").write_text("mine", encoding="utf-8")

    refused = qke_sim("new", "scenario", "mine.yaml")

    assert refused.returncode == 2
    assert refused.stderr.startswith("error[output.exists]: 'mine.yaml' is there already\n")
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") == "mine"
    assert qke_sim("new", "scenario", "mine.yaml", "--force").returncode == 0
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize("kind", ["scenario", "world", "cluster"])
def test_a_schema_is_a_schema(qke_sim, kind):
    schema = json.loads(qke_sim("schema", kind).stdout)

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema
    assert schema["title"] == f"QKE {kind}"
    assert {"apiVersion", "kind"} <= set(schema["properties"])


def test_our_scenarios_fit_their_schema_and_a_typo_does_not(qke_sim):
    validator = Draft202012Validator(json.loads(qke_sim("schema", "scenario").stdout))

    for path in sorted(SCENARIOS.glob("*.yaml")):
        data = parse_one(path.read_text(encoding="utf-8"), path.name).data
        assert list(validator.iter_errors(data)) == [], path.name
    assert list(validator.iter_errors({"kind": "Scenario", "metdata": {}})) != []


def test_measures_are_listed_with_type_and_meaning(qke_sim):
    done = qke_sim("measures", SCENARIOS / "upgrade.yaml")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^shop\.api\.outage +duration  time without an API server for users$", done.stdout, re.MULTILINE)
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    listed = json.loads(qke_sim("measures", SCENARIOS / "upgrade.yaml", "--json").stdout)
    assert {"name": "upgrade.hops", "type": "int", "about": "upgrades it needs"} in listed
