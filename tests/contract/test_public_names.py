"""Is every public name of the core there, listed once, and cheap to reach?"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import qke_core

ROOT = Path(__file__).parents[2]
MODULES = [
    "qke_core",
    *(module.name for module in pkgutil.walk_packages(qke_core.__path__, "qke_core.")),
]
PACKAGES = ("billing", "catalog", "effects", "models", "plan", "plan.stages", "rules", "rules.network", "workflows")
WITH_LIST = ["qke_core", *(f"qke_core.{name}" for name in PACKAGES)]


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_why_it_exists(name: str):
    assert load(name).__doc__


def test_every_package_of_the_core_lists_its_names():
    packages = [name for name in MODULES if hasattr(load(name), "__path__")]
    assert packages == sorted(WITH_LIST)
    assert all(hasattr(load(name), "__all__") for name in packages)


@pytest.mark.parametrize("name", WITH_LIST)
def test_listed_names_exist_once_and_are_public(name: str):
    module = load(name)
    for listed in module.__all__:
        assert not listed.startswith("_")
        assert hasattr(module, listed) or f"{name}.{listed}" in MODULES
    assert len(set(module.__all__)) == len(module.__all__)
    assert list(module.__all__) == sorted(module.__all__, key=sort_key)


def sort_key(name: str) -> tuple[int, str]:
    """Return the order ruff keeps: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def test_the_core_lists_all_its_modules():
    below = {module.name for module in pkgutil.iter_modules(qke_core.__path__)}
    assert set(qke_core.__all__) == below


def test_a_star_import_brings_every_listed_name():
    names: dict[str, object] = {}
    exec("from qke_core import *", names)  # noqa: S102 - a star is allowed at the top of a module only
    assert set(qke_core.__all__) <= set(names)
    assert names["catalog"] is sys.modules["qke_core.catalog"]


@pytest.mark.parametrize(
    "name", ["qke_core", "qke_core.errors", "qke_core.units", "qke_core.suggest", "qke_core.catalog"]
)
def test_what_every_command_needs_loads_no_library(name: str):
    code = (
        f"import sys, {name}; "
        "heavy = {'pydantic', 'networkx', 'numpy', 'simpy'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-E", "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("name", ["qke_core.effects", "qke_core.journal", "qke_core.runner"])
def test_running_a_workflow_needs_no_library(name: str):
    code = f"import sys, {name}; assert not {{'pydantic', 'networkx'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-E", "-c", code], check=True, cwd=ROOT)
