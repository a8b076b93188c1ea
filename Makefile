# `make help` lists what there is. Everything is set up on the way, once, and again when a lock changes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
# The Pythons that `make test-versions` tries besides the one in $(VENV).
OTHER_VERSIONS ?= 3.12 3.13
# make lock UPGRADE=--upgrade; without it, what is pinned stays as long as pyproject.toml allows it.
UPGRADE ?=
# Extra arguments for pytest: make test ARGS='-k escalation -x'
ARGS ?=
# What test-fast runs. The strikes at every point are the same on every Python, and take minutes.
FAST ?= not servers
# How long `make model` and `make soak` go on.
MINUTES ?= 10

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -qq
COMPILE := $(VENV)/bin/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command 'make lock'

# PYTHON=… decides; else the first of these that runs and is 3.11 or newer.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$python"; break; }; done)

# ------------------------------------------------------------------------------------------- to use

.PHONY: help run demo
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.runtime  ## serve on 127.0.0.1:8080 with ./policies and var/responder.db
	@exec $(VENV)/bin/responder serve

demo: $(VENV)/.dev servers  ## one alert's walk in the terminal, with a real Alertmanager, in under a minute
	@$(VENV)/bin/python -m tests.journeys.demo

# ----------------------------------------------------------------------------------------- to check

.PHONY: test test-fast test-versions check format bench faults servers model soak
test: $(VENV)/.dev servers  ## every test
	$(VENV)/bin/pytest $(ARGS)

test-fast: $(VENV)/.dev  ## every test that needs no Debian server
	$(VENV)/bin/pytest -m '$(FAST)' $(ARGS)

test-versions: $(addprefix test-on-,$(OTHER_VERSIONS))  ## test-fast on the other Pythons that are installed

# A name on PATH may be a shim that only says "not installed", so it is run before it is believed.
test-on-%:
	@python=$$(command -v python$* || true); \
	if ! { [ -n "$$python" ] && "$$python" -c '' 2>/dev/null; }; then \
		python="$$(pyenv prefix $* 2>/dev/null || true)/bin/python"; \
	fi; \
	if [ -x "$$python" ]; then \
		$(MAKE) test-fast FAST='not servers and not faults' VENV=.venv-$* PYTHON="$$python"; \
	else \
		echo "Python $* is not installed: not tried."; \
	fi

check: $(VENV)/.dev  ## lint, format, types, house rules, and the shipped policies
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/pytest -q tests/house
	$(VENV)/bin/responder check

format: $(VENV)/.dev  ## put the code in its format and mend what the linter can mend
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.dev  ## measure the budgets, each beside its floor; ARGS='--only webhook --rounds 3', '--help'
	@tests/install-debian-packages benchmarks/debian-packages.txt
	@$(VENV)/bin/python -m benchmarks $(ARGS)

faults: $(VENV)/.dev  ## strike every point with every fault, on every database; ARGS='--point commit.claim' chooses
	@$(VENV)/bin/python -m tests.faults $(ARGS)

model: $(VENV)/.dev  ## live ever new lives against the model for MINUTES=10, and tell the seed of one that differs
	@$(VENV)/bin/python -m tests.model --minutes $(MINUTES) $(ARGS)

soak: $(VENV)/.dev  ## mixed load with kills and restarts for MINUTES=10; ARGS='--database postgresql' has two replicas
	@$(VENV)/bin/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

# The Debian packages of tests/debian-packages.txt: installed where allowed, else named.
servers:
	@tests/install-debian-packages

# ------------------------------------------------------------------------------------------- set-up

.PHONY: lock clean
lock: $(VENV)/.dev  ## compile the locks from pyproject.toml; UPGRADE=--upgrade takes the newest of everything
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --constraint requirements.lock --group dev pyproject.toml -o requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock --group build -o requirements-build.lock

clean:  ## remove the environments and every cache; var/ stays
	rm -rf .venv .venv-* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@if [ -z '$(PYTHON)' ]; then \
		echo 'responder needs Python 3.11 or newer, and no python3 on PATH is that new.'; \
		echo 'Install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3'; \
		exit 1; \
	fi
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'PYTHON=$(PYTHON) is not Python 3.11 or newer.'; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) has no venv module (Debian: apt-get install python3-venv).'; exit 1; }
	@echo "Making $(VENV) with $$('$(PYTHON)' --version) ..."
	@'$(PYTHON)' -m venv --clear $(VENV)
	@touch $@

# The project itself is installed in place, so that an edit is served at the next start; hatchling comes from its own
# lock, so that nothing unlocked is fetched.
$(VENV)/.runtime: $(VENV)/.made requirements.lock requirements-build.lock pyproject.toml
	@echo 'Installing what responder runs on ...'
	@$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo 'Installing what its tests and checks need ...'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
