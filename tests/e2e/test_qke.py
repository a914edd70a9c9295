"""`qke` as a person uses it: what it prints, where it points, how it exits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from qke_core.plan.form import SCHEMA


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def test_a_sound_wish_ends_with_0_and_says_what_to_expect(qke):
    done = qke("validate", "cluster.yaml", "--world", "world.yaml")
    assert done.returncode == 0, done.stdout
    assert "warning[parameter.menu-restart]" in done.stdout
    assert re.search(r"^cluster\.yaml is sound: \d+ warnings?, \d+ notes?$", done.stdout, re.MULTILINE)
    assert qke("validate", "cluster.yaml", "--world", "world.yaml", "--strict").returncode == 3
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


@pytest.mark.guide("G-026", "G-174", "G-185")
def test_every_broken_rule_comes_at_once_with_its_place_and_source(qke, tmp_path):
    edit(
        tmp_path / "cluster.yaml",
        ("count: 3", "count: 1"),
        ("docker_bip: 172.29.0.1/16", "docker_bip: 192.168.7.1/24"),
        ("version: 3.0.0", "version: 1.0.1"),
        ("node_perf: {count: 5}", "node_perf: {count: 5, cpu: 7}"),
    )
    done = qke("validate", "cluster.yaml", "--world", "world.yaml")
    assert done.returncode == 3
    errors = dict(re.findall(r"^error\[([\w.-]+)\]: (?:.|\n)*?--> (\S+)$", done.stdout, re.MULTILINE))
    assert errors["upgrade.no-path"] == "cluster.yaml:5:10"
    assert errors["topology.masters-fixed"] == "cluster.yaml:9:19"
    assert errors["parameter.choice"] == "cluster.yaml:10:30"
    assert errors["network.overlap"] == "cluster.yaml:12:15"
    assert done.stdout.count("  rule: ") >= len(errors)


def test_a_broken_document_and_broken_rules_come_together(qke, tmp_path):
    edit(tmp_path / "cluster.yaml", ("zone: pek3", "zone: pek3\nnodes: 3"), ("count: 3", "count: 1"))
    done = qke("validate", "cluster.yaml", "--world", "world.yaml")
    assert done.returncode == 2
    assert "error[document.key-unknown]" in done.stdout
    assert "error[topology.masters-fixed]" in done.stdout


def test_a_world_that_contradicts_itself_is_said_where_it_stands(qke, tmp_path):
    edit(tmp_path / "world.yaml", ("    vxnet: vxnet-shop001", "    vxnet: vxnet-shop002"))
    for words in (("validate", "world.yaml"), ("validate", "cluster.yaml", "--world", "world.yaml")):
        done = qke(*words)
        assert done.returncode == 3
        assert "error[world.vxnet-unknown]" in done.stdout
        assert re.search(r"--> world\.yaml:\d+:12", done.stdout)
    assert qke("plan", "cluster.yaml", "--world", "world.yaml").returncode == 3


def test_findings_as_json_have_places_and_counts(qke):
    done = qke("validate", "cluster.yaml", "--world", "world.yaml", "--json")
    data = json.loads(done.stdout)
    assert data["kind"] == "Findings"
    assert data["counts"]["errors"] == 0
    assert all(re.fullmatch(r"cluster\.yaml:\d+:\d+", found["place"]) for found in data["findings"])
    assert all(found["source"] for found in data["findings"])


def test_a_plan_is_a_table_a_file_and_a_graph(qke, tmp_path):
    done = qke("plan", "cluster.yaml", "--world", "world.yaml", "-o", "plan.json")
    assert done.returncode == 0, done.stdout
    assert done.stderr == "Wrote plan.json\n"
    assert re.search(r"^Plan for shop: 6 operations, ", done.stdout, re.MULTILINE)
    assert "+ Add 2 nodes to node_perf (3 to 5)" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    written = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    Draft202012Validator(dict(SCHEMA)).validate(written)
    printed = qke("plan", "cluster.yaml", "--world", "world.yaml", "--json")
    assert json.loads(printed.stdout) == written
    dot = qke("plan", "cluster.yaml", "--world", "world.yaml", "--graph", "dot").stdout
    assert dot.startswith("digraph plan {")
    assert dot.count("subgraph cluster_") == 6
    mermaid = qke("plan", "cluster.yaml", "--world", "world.yaml", "--graph", "mermaid").stdout
    assert mermaid.startswith("flowchart TB\n")
    assert "new nodes come up with the new docker bridge" in mermaid


def test_no_change_says_so(qke, tmp_path):
    edit(
        tmp_path / "cluster.yaml",
        ("version: 3.0.0", "version: 2.0.0"),
        ("count: 5", "count: 3"),
        ("env:\n  docker_bip: 172.29.0.1/16\n  extra.modules: [ks-logging]\n", ""),
    )
    done = qke("plan", "cluster.yaml", "--world", "world.yaml")
    assert (done.returncode, done.stdout) == (0, "shop: no change, the world is as wished\n")


def test_a_refused_plan_exits_with_3_and_writes_nothing(qke, tmp_path):
    edit(tmp_path / "world.yaml", ("profile: enterprise", "limits: {instance: 8}"))
    done = qke("plan", "cluster.yaml", "--world", "world.yaml", "-o", "plan.json")
    assert done.returncode == 3
    assert "error[quota.short]" in done.stdout
    assert done.stdout.endswith("There is no plan: correct the errors first.\n")
    assert not (tmp_path / "plan.json").exists()


def test_a_restart_can_be_asked_for(qke, tmp_path):
    edit(tmp_path / "cluster.yaml", ("  docker_bip: 172.29.0.1/16\n", ""))
    done = qke("plan", "cluster.yaml", "--world", "world.yaml", "--restart", "node_perf")
    assert "Restart the nodes of node_perf" in done.stdout
    wrong = qke("plan", "cluster.yaml", "--world", "world.yaml", "--restart", "node_pref")
    assert wrong.returncode == 2
    assert "node_perf" in wrong.stderr


@pytest.mark.guide("G-168", "G-169", "G-170", "G-171")
def test_a_bill_names_the_hidden_extras_apart(qke):
    done = qke("cost", "cluster.yaml", "--world", "world.yaml", "--hours", "24")
    assert done.returncode == 0
    preview, extras = done.stdout.split("What the console's price preview leaves out", 1)
    assert "load balancer" not in preview
    assert "load balancer" in extras
    assert "security group (firewall)" in extras
    assert "EXAMPLE" in extras


def test_users_bring_their_own_prices(qke, tmp_path):
    book = qke("schema", "prices")
    assert book.returncode == 0
    (tmp_path / "prices.yaml").write_text(
        """\
apiVersion: qke/v1
kind: PriceBook
label: ours
instance: {"101": {vcpu_hour: 0.1, memory_gib_hour: 0}}
gpu_hour: 0
system_disk_gib_hour: 0
volume_gib_hour: {}
eip: {address_hour: 0, traffic_gib: 0, tiers: [{up_to: 1000, mbps_hour: 0}]}
router_hour: {}
loadbalancer_hour: {}
contract_discount: {1y: 0.5}
""",
        encoding="utf-8",
    )
    done = qke("cost", "cluster.yaml", "--world", "world.yaml", "--prices", "prices.yaml", "--json")
    data = json.loads(done.stdout)
    # 8 instances of class 101 with 8 vCPU each: the client's class has no price.
    assert data["total_cny_per_hour"] == "6.4"
    assert data["contract_month_cny"] == {"1y": "2304.00"}


def test_a_run_has_an_invoice_to_the_cent(qke, qke_sim, small):
    assert qke_sim("run", small, "--quiet").returncode == 0
    (run,) = (small.parent / "runs").iterdir()
    data = json.loads(qke("cost", "--run", run, "--json").stdout)
    (shop,) = data["clusters"]
    assert re.fullmatch(r"\d+\.\d\d", data["total_cny"])
    from decimal import Decimal

    exact = sum(Decimal(charge["fee_cny"]) for charge in shop["charges"])
    assert abs(exact - Decimal(data["total_cny"])) <= Decimal("0.005")
    assert max(charge["to_ms"] for charge in shop["charges"]) == data["ended_ms"]


def test_exactly_one_thing_is_priced(qke):
    done = qke("cost")
    assert done.returncode == 2
    assert "error[cost.what]" in done.stderr


@pytest.mark.parametrize("part", ["versions", "roles", "parameters", "storage", "zones"])
def test_the_catalogue_is_a_table_and_json(qke, part: str):
    done = qke("catalog", part)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 5
    rows = json.loads(qke("catalog", part, "--json").stdout)["rows"]
    assert rows
    assert all(row.keys() == rows[0].keys() for row in rows)


@pytest.mark.guide("G-020", "G-021", "G-022")
def test_the_catalogue_knows_the_components_of_the_guide(qke):
    text = qke("catalog", "versions").stdout
    for version, kubesphere, kubernetes in (("2.0.0", "2.1.1", "1.16.7"), ("1.0.1", "2.0.2", "1.13.5")):
        assert re.search(
            rf"^{re.escape(version)} .*{re.escape(kubesphere)}.*{re.escape(kubernetes)}", text, re.MULTILINE
        )


def test_words_that_do_not_exist_are_refused_with_the_nearest(qke):
    for words, near in (
        (("catalog", "rolls"), "roles"),
        (("catalog", "roles", "--version", "2.0"), "2.0.0"),
        (("explain", "network.overlaps"), "network.overlap"),
        (("plan", "cluster.yaml", "--world", "world.yaml", "--graph", "dott"), "dot"),
    ):
        done = qke(*words)
        assert done.returncode == 2
        assert near in done.stderr


def test_codes_are_explained_ours_and_the_products(qke):
    assert "What to do" in qke("explain", "network.overlap").stdout
    assert "workers" in qke("explain", "135").stdout
    listed = qke("explain", "--list").stdout
    assert re.search(r"^  topology\.masters-fixed +\S", listed, re.MULTILINE)
    assert re.search(r"^  2500 +\S", listed, re.MULTILINE)


def test_a_missing_file_is_an_input_error(qke):
    done = qke("validate", "nowhere.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith("error[file.missing]")


def test_standard_input_is_read(qke, tmp_path):
    import subprocess
    import sys

    text = (tmp_path / "cluster.yaml").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "qke_cli.qke", "validate", "-", "--world", "world.yaml"],
        cwd=tmp_path,
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "<stdin>:" in done.stdout
