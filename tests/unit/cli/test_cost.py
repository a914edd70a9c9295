"""`qke cost`: is what people see the bill, and do the figures on the screen add up?"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from qke_cli.commands.cost import Options, cost
from qke_core.billing import default_prices
from qke_core.errors import InputError
from qke_sim.scenario import build_story, run_story

WISH = """\
apiVersion: qke/v1
kind: Cluster
name: shop
version: 3.0.0
zone: pek3
vxnet: vxnet-shop001
express: standard prod
"""
WORLD = """\
apiVersion: qke/v1
kind: World
zone: pek3
vpcs:
  - {id: rtr-a1b2c3d4, network: 192.168.0.0/16, vxnets: [{id: vxnet-shop001, network: 192.168.1.0/24}]}
eips: [{id: eip-11111111, address: 139.198.0.10, bandwidth: 5}]
"""
SCENARIO = """\
apiVersion: qke/v1
kind: Scenario
metadata: {name: idle}
seed: 7
world:
  zone: pek3
  clusters:
    - {name: shop, version: 1.0.1, express: Prod}
    - {name: blog, version: 1.0.1, express: Prod, billing: {mode: contract, term: 1y}}
timeline:
  - {at: 89m, cluster: shop, upgrade: {to: 2.0.0}}
until: 90m
"""


@pytest.fixture(autouse=True)
def eighty(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def wish(tmp_path) -> Path:
    (tmp_path / "cluster.yaml").write_text(WISH, encoding="utf-8")
    return tmp_path / "cluster.yaml"


@pytest.fixture
def larger(tmp_path) -> Path:
    text = WISH.replace("express: standard prod", "env: {kubesphere_eip: eip-11111111}\nexpress: standard prod")
    (tmp_path / "larger.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "larger.yaml"


@pytest.fixture
def world(tmp_path) -> Path:
    (tmp_path / "world.yaml").write_text(WORLD, encoding="utf-8")
    return tmp_path / "world.yaml"


@pytest.fixture
def run(tmp_path) -> Path:
    result = run_story(build_story(SCENARIO, "idle.yaml", lambda _: ""))
    folder = tmp_path / "run"
    folder.mkdir()
    lines = "".join(f"{record.render()}\n" for record in result.records)
    (folder / "trace.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture
def text(capsys):
    def show(cluster, diff, run, **options) -> str:
        assert cost(cluster, diff, run, Options(**options)) == 0
        return capsys.readouterr().out

    return show


def money(line: str) -> Decimal:
    return Decimal(line.rsplit(maxsplit=1)[-1])


def test_a_bill_fits_into_80_columns_and_names_its_prices(text, larger, world):
    for shown in (text(larger, None, None), text(larger, None, None, world=world)):
        assert all(len(line) <= 80 for line in shown.splitlines())
        assert f"Prices: {default_prices().label}" in shown


@pytest.mark.guide("G-168")
def test_what_the_preview_shows_comes_first_then_extras_then_what_stands_beside(text, larger, world):
    shown = text(larger, None, None, world=world)
    titles = ["as the console's price preview", "leaves out", "Total on demand", "contract", "Beside", "Together"]
    places = [shown.index(title) for title in titles]
    assert places == sorted(places)
    assert shown.index("Beside") < shown.index("EIP eip-11111111, 5 Mbps") < shown.index("VPC rtr-a1b2c3d4, medium")
    assert "no price" not in shown


def test_the_figures_of_the_json_add_up(text, larger, world):
    found = json.loads(text(larger, None, None, world=world, as_json=True, hours=1000))
    total = sum(Decimal(line["cny"]) for line in found["lines"])
    beside = sum(Decimal(line["cny"]) for line in found["beside"])
    assert total == Decimal(found["total_cny"])
    assert total + beside == Decimal(found["together_cny"])
    assert sum(Decimal(line["cny_per_hour"]) for line in found["lines"] if line["extra"]) == Decimal(
        found["extras_cny_per_hour"]
    )
    assert found["unpriced"] == 0
    assert all("E" not in line["cny"] for line in found["lines"])


def test_without_a_world_unknown_prices_are_question_marks_and_the_sums_are_said_to_be_too_low(text, larger):
    shown = text(larger, None, None)
    assert "EIP eip-11111111 (bandwidth not known: give --world with its eips)" in shown
    assert "2 things have no price here: the sums are too low." in shown
    assert shown.count("? /h") == 2


def test_the_contract_that_is_wished_for_is_marked(text, wish):
    assert "as wished" not in text(wish, None, None)
    wish.write_text(f"{WISH}billing: {{mode: contract, term: 1y}}\n", encoding="utf-8")
    (marked,) = [line for line in text(wish, None, None).splitlines() if "as wished" in line]
    assert marked.split()[0] == "1y"


def test_a_difference_shows_only_what_differs_and_its_totals_add_up(text, wish, larger, world):
    shown = text(None, (wish, larger), None, world=world, hours=100)
    rows = [line for line in shown.splitlines() if line.startswith(("+", "-"))]
    assert [line.split("  ")[0] for line in rows] == [
        "+ load balancer, type 0",
        "+ security group (firewall) (free, needs quota)",
        "+ EIP eip-11111111, 5 Mbps",
    ]
    before, after, change = (money(line) for line in shown.splitlines() if line.startswith(("  Total", "  Diff")))
    assert sum(map(money, rows)) == change == after - before
    found = json.loads(text(None, (wish, larger), None, world=world, hours=100, as_json=True))
    assert Decimal(found["change_cny"]) == change
    assert [line["what"] for line in found["added"]] == [
        "load balancer, type 0",
        "security group (firewall)",
        "EIP eip-11111111, 5 Mbps",
    ]
    assert found["removed"] == []


def test_a_count_that_differs_is_one_line_before_and_one_after(text, wish, tmp_path):
    other = tmp_path / "other.yaml"
    roles = "roles: {{master: {{count: 3}}, node_perf: {{count: {0}}}}}"
    for path, count in ((wish, 3), (other, 4)):
        path.write_text(WISH.replace("express: standard prod", roles.format(count)), encoding="utf-8")
    lines = text(None, (wish, other), None).splitlines()
    rows = [line.split("  ")[0] for line in lines if line.startswith(("+ ", "- "))]
    assert [(row[0], row[2:].partition(" x ")[2]) for row in rows[:2]] == [
        ("-", "system disk, 20 GiB"),
        ("+", "system disk, 20 GiB"),
    ]
    (change,) = [money(line) for line in lines if line.startswith("  Difference")]
    assert sum(money(line) for line in lines if line.startswith(("+ ", "- "))) == change > 0


def test_equal_clusters_differ_in_no_line(text, wish):
    shown = text(None, (wish, wish), None)
    assert "No line differs." in shown
    assert not any(line.startswith(("+ ", "- ")) for line in shown.splitlines())


def test_an_invoice_is_what_the_clusters_came_to_and_a_contract_makes_nodes_cheaper(text, run):
    found = json.loads(text(None, None, run, as_json=True))
    shop, blog = found["clusters"]
    assert found["ended_ms"] == 90 * 60 * 1000
    assert (shop["billing"]["mode"], blog["billing"]["term"]) == ("on-demand", "1y")
    discount = default_prices().contract_discount["1y"]
    for ours, theirs in zip(blog["charges"], shop["charges"], strict=True):
        share = discount if theirs["origin"] == "node" else 1
        assert Decimal(ours["price_cny_per_hour"]) == Decimal(theirs["price_cny_per_hour"]) * share
    assert Decimal(found["total_cny"]) == Decimal(shop["total_cny"]) + Decimal(blog["total_cny"])
    assert Decimal(blog["total_cny"]) < Decimal(shop["total_cny"])


def test_an_invoice_on_the_screen_is_the_same_as_in_json(text, run):
    found = json.loads(text(None, None, run, as_json=True))
    shown = text(None, None, run)
    totals = [money(line) for line in shown.splitlines() if line.startswith("  total")]
    assert [str(total) for total in totals] == [cluster["total_cny"] for cluster in found["clusters"]]
    rows = [money(line) for line in shown.splitlines() if " h " in line]
    charges = [charge for cluster in found["clusters"] for charge in cluster["charges"]]
    assert sum(rows) == sum(Decimal(charge["fee_cny"]) for charge in charges)
    (together,) = [money(line) for line in shown.splitlines() if line.startswith("Together")]
    assert str(together) == found["total_cny"] == str(sum(totals))
    assert all(len(line) <= 80 for line in shown.splitlines()[1:])  # The first one has the path.
    assert "nodes under a contract for 1y" in shown


def test_a_run_that_was_not_metered_is_refused_and_not_free(tmp_path):
    trace = '{"t":0,"seq":0,"kind":"run.started","subject":"idle","cause":null,"data":{}}\n'
    (tmp_path / "trace.jsonl").write_text(trace, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        cost(None, None, tmp_path, Options())
    assert caught.value.code == "run.unmetered"


@pytest.mark.parametrize("wished", [False, True])
@pytest.mark.parametrize("differs", [False, True])
@pytest.mark.parametrize("ran", [False, True])
def test_exactly_one_thing_is_priced(wish, run, *, wished: bool, differs: bool, ran: bool):
    given = (wish if wished else None), ((wish, wish) if differs else None), (run if ran else None)
    if wished + differs + ran == 1:
        assert cost(*given, Options()) == 0
        return
    with pytest.raises(InputError) as caught:
        cost(*given, Options())
    assert caught.value.code == "cost.what"
