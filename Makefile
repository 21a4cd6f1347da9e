# Every command sets up what it needs in .venv, from nothing, and is fast the second time.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs bench clean

help:
	@echo "make demo    train two cultures, print what they learned, draw demo/training.png"
	@echo "make test    run the tests"
	@echo "make lint    check style, format and types"
	@echo "make docs    run all code of the documentation, draw its pictures, build the site in build/site"
	@echo "make bench   measure start-up, memory and speed on this machine, and the speed of peers (half an hour)"
	@echo "make clean   remove the environment and everything made here"

demo: $(STAMP)
	@$(BIN)/python examples/train.py

test: $(STAMP)
	@$(BIN)/python -m pytest

lint: $(STAMP)
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

docs: $(STAMP)
	@$(BIN)/python tools/build_docs.py

bench: $(STAMP)
	@$(BIN)/python benchmarks/bench.py
	@$(BIN)/python benchmarks/performance.py

# The stamp is made last: an installation that was interrupted starts again.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "livn needs Python 3.11 or later; $(PYTHON) is: $$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
	  echo "Name another one, for example: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing livn in $(VENV) (once, about a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

clean:
	rm -rf .venv build dist demo src/*.egg-info .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find src tests examples benchmarks -name __pycache__ -type d -exec rm -rf {} +
