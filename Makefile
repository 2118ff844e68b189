# make run, make test: everything they need is set up in .venv, nothing else is touched. Tests that ask real engines are
# `.ci/run`'s: it installs those first.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
POLICY ?= configs/js-denylist-dns.yaml
SECONDS ?= 60
PYTEST_ARGS ?= -n auto
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet

.PHONY: run test bench fuzz clean

run: $(VENV)/.ready-to-run
	$(BIN)/blockctl up --policy $(POLICY) --out out --state state

test: $(VENV)/.ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(PYTEST_ARGS) --ignore tests/engines

bench: $(VENV)/.ready-to-test
	$(BIN)/python -m tests.bench.browser_compile
	$(BIN)/python -m tests.bench.dns_compile
	$(BIN)/python -m tests.bench.dns_serve
	$(BIN)/python -m tests.bench.dns_forward
	$(BIN)/python -m tests.bench.dns_live
	$(BIN)/python -m tests.bench.sync
	$(BIN)/python -m tests.bench.gate
	$(BIN)/python -m tests.bench.merge
	$(BIN)/python -m tests.bench.api
	$(BIN)/python -m tests.bench.safari_compile
	$(BIN)/python -m tests.bench.publish

# Every target in turn for its share of SECONDS; what is found, and seeds that reach new code, land in tests/corpus.
fuzz: $(VENV)/.ready-to-fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

clean:
	rm -rf $(VENV) out state build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The first Python of 3.11 or later that can make a venv. A distribution's own comes first: it is built with profiles, and
# a fifth to a third faster than what version managers compile without.
$(BIN)/python:
	@for python in $(PYTHON) /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "setting up $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
	  fi; \
	done; echo "blockctl needs Python 3.11 or later with its venv module; set PYTHON=..." >&2; exit 1

$(VENV)/.ready-to-run: pyproject.toml | $(BIN)/python
	@echo "installing blockctl and what it needs"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.ready-to-test: pyproject.toml | $(BIN)/python
	@echo "installing blockctl, what it needs, and what its tests need"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.ready-to-run

$(VENV)/.ready-to-fuzz: $(VENV)/.ready-to-test
	@echo "installing the fuzzer"
	@$(PIP) --editable '.[fuzz]'
	@touch $@
