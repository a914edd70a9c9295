"""Is the catalogue frozen, cheap to import, and refused when a file of it is wrong?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, cast

import pytest

import qke_core.catalog
from qke_core.catalog import Basis, build_catalog, catalog
from qke_core.catalog.load import read_texts
from qke_core.errors import InvariantError

ROOT = Path(__file__).parents[3]

SCRIPT = """
[[script]]
command = "upgrade"
versions = ["2.0.0"]
kinds = ["master"]
basis = "derived"
source = "a test"
"""

FIXED = """
[[duration]]
name = "nap"
distribution = "fixed"
value_ms = 1500
basis = "assumed"
source = "a test"
"""


def changed(file: str, old: str, new: str) -> dict[str, str]:
    texts = read_texts()
    assert old in texts[file]
    return texts | {file: texts[file].replace(old, new, 1)}


def added(file: str, text: str) -> dict[str, str]:
    texts = read_texts()
    return texts | {file: texts[file] + text}


def refusal(texts: Mapping[str, str]) -> str:
    with pytest.raises(InvariantError) as caught:
        build_catalog(texts)
    assert caught.value.code == "catalog.malformed"
    return caught.value.sentence


def test_the_catalogue_is_read_once():
    assert catalog() is catalog()


def test_building_twice_gives_the_same_ledger():
    assert tuple(build_catalog(read_texts()).entries()) == tuple(catalog().entries())


def test_importing_reads_no_file_and_needs_no_library():
    code = (
        "import sys; import qke_core.catalog as c; "
        "assert c.catalog.cache_info().misses == 0; "
        "assert not {'pydantic', 'networkx', 'importlib.resources'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-S", "-E", "-c", code], check=True, cwd=ROOT)


def test_public_names_are_all_there():
    for name in qke_core.catalog.__all__:
        assert hasattr(qke_core.catalog, name)


def test_facts_cannot_be_changed():
    facts = catalog()
    with pytest.raises(FrozenInstanceError):
        facts.budget("all-nodes", "3.3.0").attempts = 1  # pyright: ignore[reportAttributeAccessIssue] - the point
    with pytest.raises(FrozenInstanceError):
        facts.order = ()  # pyright: ignore[reportAttributeAccessIssue] - the point
    mappings: list[object] = [
        *(facts.versions, facts.roles, facts.upgrade_services, facts.budgets, facts.codes, facts.ret_codes),
        *(facts.shapes, facts.groups, facts.groups["2.0.0"], facts.express("2.0.0", "standard test")),
        *(facts.default_groups, facts.durations, facts.scripts, facts.constants),
        facts.version("2.0.0").components,
    ]
    for mapping in mappings:
        with pytest.raises(TypeError):
            cast("dict[Any, Any]", mapping)["new"] = 1


def test_looking_up_what_is_not_there_raises_a_sentence():
    facts = catalog()
    lookups = [
        lambda: facts.version("9.9.9"),
        lambda: facts.version("v2.0.0"),
        lambda: facts.by_app_version("appv-00000000"),
        lambda: facts.upgrade_service("node_tpu", "2.0.0"),
        lambda: facts.upgrade_service("master", "9.9.9"),
        lambda: facts.budget("masters-ready", "2.0.0"),
        lambda: facts.express("2.0.0", "Prod"),
        lambda: facts.express_groups("9.9.9"),
        lambda: facts.default_group("9.9.9"),
        lambda: facts.default_shape("1.0.1", "node_gpu"),
        lambda: facts.duration("no-such-thing"),
        lambda: facts.script("upgrade", "1.0.1", "client"),
        lambda: facts.constant("no-such-thing"),
    ]
    for lookup in lookups:
        with pytest.raises(KeyError, match="not in the catalogue"):
            lookup()
    assert not facts.has_script("upgrade", "1.0.1", "client")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("budgets.toml", "attempts = 1800", 'attempts = "many"', "budget previous-masters (2.0.0,"),
        ("budgets.toml", "attempts = 1800", "attempts = 0", "attempts must be a whole number of at least 1, not 0"),
        ("budgets.toml", "attempts = 1800", "attempts = true", "not True"),
        ("budgets.toml", "attempts = 1800", "atempts = 1800", "attempts is missing"),
        ("budgets.toml", "attempts = 1800", "attempts = 1800\nretries = 3", "unknown key retries"),
        ("budgets.toml", 'on_exhausted = "last"', 'on_exhausted = "panic"', "must be one of last, skip, warn"),
        ("budgets.toml", "on_exhausted = 143", "on_exhausted = 99", "code 99 is not explained"),
        ("budgets.toml", "stop_codes = [130, 132]", "stop_codes = [130, 99]", "budget kubesphere-client"),
        ("budgets.toml", "stop_codes = [130, 132]", "stop_codes = 130", "stop_codes must be a list"),
        ("budgets.toml", "requires_ready = true", "requires_ready = 1", "must be true or false"),
        ("budgets.toml", '["3.1.1-1", "3.2.1", "3.3.0"]', '["2.0.0"]', "is there twice"),
        ("budgets.toml", '["3.1.1-1", "3.2.1", "3.3.0"]', '["9.9.9"]', "which is none of 1.0.0"),
        ("budgets.toml", '["3.1.1-1", "3.2.1", "3.3.0"]', "[]", "must name at least one"),
        ("codes.toml", "number = 134", "number = 133", "code 133: is there twice"),
        (
            "codes.toml",
            'basis = "documented"',
            'basis = "certain"',
            "basis must be one of documented, derived, assumed",
        ),
        ("durations.toml", "mode_ms = 50", "mode_ms = 5000", "duration api-call: min_ms, mode_ms, max_ms"),
        ("durations.toml", 'profile = "default"', "", "profile is missing"),
        ("express.toml", 'name = "DevTest"', 'name = "Nothing"', "default_group"),
        ("express.toml", 'role = "node_gpu"', 'role = "node_tpu"', "shape node_tpu"),
        ("express.toml", "[group.roles]", "[group.roles]\nnode_tpu = {count = 1}", "unknown key node_tpu"),
        ("roles.toml", 'check = "disk", code = 150', 'check = "disk", code = 149', "pre_check disk: code 149"),
        ("roles.toml", 'kind = "worker"', 'kind = "helper"', "role node_perf: kind must be one of master"),
        ("versions.toml", "released = 2019-06-11", 'released = "2019"', "version 1.0.0: released must be a date"),
        ("versions.toml", 'kubernetes = "1.13.5"', "", "version 1.0.0: components.kubernetes is missing"),
        ("versions.toml", "appv-e5ni6ltd", "appv-53p2pg79", "version 1.0.1: is there twice"),
        ("versions.toml", 'from = "1.0.0"', 'from = "3.3.0"', "upgrade 3.3.0 2.0.0: an upgrade leads to a later"),
        ("versions.toml", 'name = "1.0.0"', "name = ", "versions.toml: whole file: not TOML"),
    ],
)
def test_a_malformed_file_is_refused_by_name(file: str, old: str, new: str, said: str):
    sentence = refusal(changed(file, old, new))
    assert sentence.startswith(f"{file}: ")
    assert said in sentence


def test_an_empty_source_is_refused():
    assert "source must be a text" in refusal(added("durations.toml", FIXED.replace("a test", " ")))


def test_a_missing_file_is_refused():
    texts = read_texts()
    del texts["codes.toml"]
    assert refusal(texts) == "codes.toml: whole file: is missing"


def test_a_fixed_duration_has_three_equal_numbers():
    nap = build_catalog(added("durations.toml", FIXED)).duration("nap")
    assert (nap.min_ms, nap.mode_ms, nap.max_ms) == (1500, 1500, 1500)
    assert (nap.basis, nap.note) == (Basis.ASSUMED, "")


def test_a_script_is_read_with_its_steps():
    steps = """
[[script.step]]
do = "attach"
duration = "volume-attach"
only = ["first-master", "kubesphere"]
phase = "start"
[[script.step]]
do = "wait"
wait = "previous-masters"
"""
    facts = build_catalog(read_texts() | {"upgrade.toml": SCRIPT + steps})
    attach, wait = facts.script("upgrade", "2.0.0", "master")
    assert (attach.do, attach.duration, attach.wait, attach.phase) == ("attach", "volume-attach", None, "start")
    assert attach.only == ("first-master", "kubesphere")
    assert (wait.do, wait.wait, wait.only) == ("wait", "previous-masters", ())
    assert facts.has_script("upgrade", "2.0.0", "master")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            'do = "x"\nduration = "no-such-thing"',
            "script upgrade (2.0.0) (master) step x: duration 'no-such-thing' is not in",
        ),
        ('do = "x"\nwait = "masters-ready"', "wait 'masters-ready' is not in budgets.toml for this version"),
        ('do = "x"\nwhen = "later"', "unknown key when"),
        ('wait = "previous-masters"', "script upgrade (2.0.0) (master) step number 1: do is missing"),
    ],
)
def test_a_step_that_points_nowhere_is_refused(step: str, said: str):
    texts = read_texts() | {"upgrade.toml": f"{SCRIPT}[[script.step]]\n{step}\n"}
    assert said in refusal(texts)


def test_a_script_without_steps_is_refused():
    assert "at least one step" in refusal(read_texts() | {"upgrade.toml": SCRIPT})
