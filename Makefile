# Waybill's commands. They need Python 3.11 or newer, make and git; `make test` also GNU tar with gzip, and openssl.
SHELL := /bin/sh
PYTHON ?= python3
FORMAT ?= tar.gz
SYSTEM ?=
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE := 1
export WAYBILL_SYSTEM := $(SYSTEM)

.PHONY: help setup
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

setup: $(VENV)/.ready ## Make the virtual environment with the locked dependencies

$(VENV)/.ready: requirements/bootstrap.txt requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@touch $@

format: setup ## Put the code into the one format
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: demo up down
demo: setup ## Make an export on the embedded AWS, download it, check it; FORMAT=zip or another, SYSTEM=os2iot or another; it lies in out/
	@$(BIN)/python -m local.demo $(FORMAT)

up: setup ## Start the whole stack on this machine and leave it running
	@$(BIN)/python -m local.up

down: ## Stop what `make up` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.down; else echo "Nothing was running."; fi

.PHONY: bench
bench: ## Measure against the targets, with the peers beside us: JSON lines, also in out/bench.jsonl (some minutes)
	@$(MAKE) --silent setup >&2
	@$(BIN)/python -m bench $(ARGS)

.PHONY: test check lint
test: setup ## Run all tests, the end-to-end ones on the embedded AWS included
	@$(BIN)/pytest

lint: setup ## Check format, style, types, imports, the template and the state machine
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=layers/waybill/python $(BIN)/lint-imports
	$(BIN)/python -m local.validate
	$(BIN)/pytest tests/template -q

check: lint test ## Everything that must be clean before a change lands
