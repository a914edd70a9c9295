# Needs nothing but make and python3 (3.11 or newer, with venv). Each target makes the environment it needs.
#   make PYTHON=python3.13 test    another Python
#   make UV= demo                  without uv, even where it is installed

PYTHON ?= python3
# uv, where it works, installs faster. pip does the same work without it, or when only pip knows of a mirror.
# (`uv --version` and not `command -v`: a shim may exist without a uv.)
UV ?= $(shell uv --version >/dev/null 2>&1 && echo uv)
VENV := .venv
BIN := $(VENV)/bin
PINS := .ci/constraints.txt

# Two workers: property tests are the long ones and two are what small CI machines have.
WORKERS ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test pytest lint format types imports nightly docs golden figures bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/.demo ## rehearse an upgrade in the twin
	@$(BIN)/qke-sim run scenarios/upgrade.yaml

test: lint types imports pytest ## everything CI checks

pytest: $(VENV)/.test ## the tests alone
	@$(BIN)/python -m pytest -q -n $(WORKERS)

lint: $(VENV)/.test ## style and layout (ruff)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Layout differs: run 'make format'." >&2; exit 1; }

format: $(VENV)/.test ## mend style and layout where a tool can
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

types: $(VENV)/.test ## types (basedpyright)
	@$(BIN)/basedpyright --pythonpath $(BIN)/python

imports: $(VENV)/.test ## who may import whom (import-linter)
	@$(BIN)/lint-imports --no-logo

nightly: $(VENV)/.test ## the long tests, and every law with 2000 examples
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -q -n $(WORKERS) -m nightly
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -q -n $(WORKERS) tests/property tests/stateful

docs: $(VENV)/.test ## write anew what the pages take from the code: tables, schemas, outputs of examples
	@$(BIN)/python docs/generate.py
	@QKE_DOCS=write $(BIN)/python -m pytest -q -p no:randomly tests/contract/test_docs.py

golden: $(VENV)/.test ## write anew what the scenarios leave, after a change that is meant
	@QKE_GOLDEN=write $(BIN)/python -m pytest -q -p no:randomly tests/scenario/test_every_scenario.py

figures: $(VENV)/.test ## durations of upgrades and creates, and outages, over 100 seeds
	@$(BIN)/python benchmarks/figures.py
	@$(BIN)/python benchmarks/creates.py

bench: $(VENV)/.test ## measure speed against the baseline
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/plan.py
	@$(BIN)/python benchmarks/year.py

clean: ## remove the environment, caches and builds (not runs/)
	@rm -rf $(VENV) build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Environment ------------------------------------------------------------------------------------------------------
# A stamp per set of extras; newer settings or pins install again into the same environment.

$(VENV)/.demo: EXTRAS := sim,cli
# Not `all`: the SDKs and the study tools are large and no test of this release imports them.
$(VENV)/.test: EXTRAS := sim,cli,test
$(VENV)/.demo $(VENV)/.test: $(BIN)/python pyproject.toml $(PINS)
	@echo "Installing qke[$(EXTRAS)] into $(VENV) ..." >&2
	@$(if $(UV),$(UV) pip install -q --python $(BIN)/python -c $(PINS) -e '.[$(EXTRAS)]' ||) \
	  $(BIN)/python -m pip install -q --disable-pip-version-check -c $(PINS) -e '.[$(EXTRAS)]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "qke needs Python 3.11 or newer, and there is no $(PYTHON)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "qke needs Python 3.11 or newer; $$($(PYTHON) --version) is too old. Try: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
