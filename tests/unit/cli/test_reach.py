"""`qke-sim reach` from words to output, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qke_cli.sim import main

Out = pytest.CaptureFixture[str]

WORLD = """
kind: World
zone: pek3
vpcs:
  - id: rtr-shop0001
    network: 192.168.0.0/16
    eip: eip-vpc00001
    open_ports: ["16443"]
    forwards:
      - {port: 16443, to: 192.168.10.253, to_port: 6443}
    vxnets:
      - {id: vxnet-shop001, network: 192.168.10.0/24}
eips:
  - {id: eip-vpc00001, address: 139.198.190.141}
clusters:
  - {name: shop, version: 2.0.0, express: standard prod, vxnet: vxnet-shop001}
"""
SCENARIO = """
kind: Scenario
metadata: {name: dark}
seed: 7
until: 30m
world: world.yaml
timeline: []
faults:
  - {at: 10m, kind: node.crash, target: {cluster: shop, role: master, index: 1}}
  - {at: 10m, kind: node.crash, target: {cluster: shop, role: master, index: 2}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "world.yaml").write_text(WORLD, encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def test_a_way_that_leads_there_is_told_hop_by_hop_and_exits_0(capsys: Out) -> None:
    assert main(["reach", "world.yaml", "--to", "139.198.190.141:16443"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "From internet to 139.198.190.141:16443"
    assert lines[-1] == "Reached."
    assert max(map(len, lines)) <= 80
    assert any("port 6443" in line and "API server answers" in line for line in lines)


def test_what_blocks_is_named_with_its_remedy_and_exits_3(capsys: Out) -> None:
    assert main(["reach", "world.yaml", "--to", "139.198.190.141:6443"]) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "Blocked at firewall sg-" in out
    assert "hint: accept TCP port 6443 in it, then ApplySecurityGroup sg-" in out
    assert "G-099" in out


def test_as_json_it_is_plain_data(capsys: Out) -> None:
    assert main(["reach", "world.yaml", "--from", "shop/client1", "--to", "shop/master1:22", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["reached"], found["blocked_by"]) == (True, None)
    assert [hop["kind"] for hop in found["hops"]] == ["address", "host", "port"]


def test_a_scenario_is_asked_at_an_instant_of_its_run(capsys: Out) -> None:
    ask = ["reach", "scenario.yaml", "--to", "139.198.190.141:16443", "--at"]
    assert main([*ask, "9m"]) == 0
    assert main([*ask, "20m"]) == 3
    assert "no backend passes its health checks" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--to", "139.198.190.141"], "reach.target"),
        (["--to", "139.198.190.141:16443", "--from", "shop/nobody"], "reach.source"),
        (["--to", "139.198.190.141:16443", "--at", "soon"], "reach.at"),
    ],
)
def test_a_question_that_makes_no_sense_exits_2(words: list[str], code: str, capsys: Out) -> None:
    assert main(["reach", "world.yaml", *words]) == 2
    assert f"error[{code}]" in capsys.readouterr().err


def test_a_time_after_the_end_of_a_scenario_exits_2(capsys: Out) -> None:
    assert main(["reach", "scenario.yaml", "--to", "139.198.190.141:16443", "--at", "3h"]) == 2
    assert "error[reach.too-late]: The scenario ends at 30m, before 3h" in capsys.readouterr().err
