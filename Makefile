.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

help: ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/ready: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: .venv/ready ## make .venv with the backstory command in it

up: setup ## start everything on this machine, with demo data
	@$(BIN)/backstory up --demo

test: setup ## the whole suite
	@$(BIN)/pytest

bench: setup ## the benchmarks; ONLY=append for one
	@$(BIN)/python -m tests.benchmarks $(ONLY)

soak: setup ## the long fault runs
	@$(BIN)/pytest -m soak

fmt: setup ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: setup ## style and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: setup ## type check
	@$(BIN)/mypy

lock: ## renew requirements.lock from pyproject.toml
	@$(PYTHON) -m venv .venv && $(BIN)/pip install --quiet pip-tools
	@$(BIN)/pip-compile --quiet --strip-extras --extra dev --generate-hashes --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header -o requirements.lock pyproject.toml

.PHONY: help setup up test bench soak fmt lint types lock
