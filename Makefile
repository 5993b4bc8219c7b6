# Needs only Python >= 3.11, pip and make. Everything else goes into .venv from the hashed locks.
# `make PYTHON=/path/to/python3 …` chooses another Python; PORT and QINGSHU_DATA work as documented.
PYTHON ?= python3
ONLY ?=
ARGS ?=
JOBS ?= 3
FIRMS ?= 100000

# Relative on purpose: the folder's path may hold spaces and Chinese.
BIN := .venv/bin
RUN := $(BIN)/python
SOURCES := platform annotation assets exchange settlement
export PYTHONUNBUFFERED := 1
# Compiled modules are kept, or each of the many processes of a start or a test would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up down status test test-labelstudio test-city check fix bench lock install install-dev

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

install:
	@"$(PYTHON)" .ci/install.py run

install-dev:
	@"$(PYTHON)" .ci/install.py dev

up: install ## install, start everything, load the demo city, run the main job once (PORT=8000)
	@exec $(RUN) -m config.cli up $(ARGS)

down: install ## stop what `make up` started, from any shell
	@$(RUN) -m config.cli down

status: install ## what runs, where, and whether it is healthy
	@$(RUN) -m config.cli status

test: install-dev ## run every test against private servers (ARGS="tests/kernel -k money", JOBS=3)
	@$(RUN) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-labelstudio: install-dev ## the tests that need a real Label Studio server (installs it: 1 GB; some minutes)
	@QINGSHU_TEST_LABELSTUDIO=1 $(RUN) -m pytest -m labelstudio tests/annotation/servers $(ARGS)

test-city: install-dev ## a hundred thousand drawn firms of every measure, one by one and as a table (FIRMS=100000; some minutes)
	@QINGSHU_TEST_FIRMS=$(FIRMS) $(RUN) -m pytest tests/settlement/rewards/test_runs.py -k generated_firms -n $(JOBS) $(ARGS)

check: install-dev ## everything that can be checked without running: style, types, layers, templates, diagrams, translations
	@$(RUN) .ci/check.py

fix: install-dev ## put right what a tool can put right
	@$(RUN) .ci/check.py --fix

bench: install-dev ## measure against named peers in the same run (ONLY=ledger)
	@ONLY="$(ONLY)" $(RUN) -m benchmarks

lock: install-dev ## write the hashed locks anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(RUN) -m uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet $(if $(UPGRADE),--upgrade) -o requirements.lock
	@$(RUN) -m uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet $(if $(UPGRADE),--upgrade) -c requirements.lock -o requirements-dev.lock
	@echo 'label-studio==1.23.2' | $(RUN) -m uv pip compile - --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet $(if $(UPGRADE),--upgrade) -o requirements-labelstudio.lock
	@printf 'django-hordak\nopenfisca-core\npsycopg[binary]\n' | $(RUN) -m uv pip compile - --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet $(if $(UPGRADE),--upgrade) -o requirements-peers.lock
