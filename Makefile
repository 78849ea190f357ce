# loginlake: `make` explains itself. Three commands matter: `make run`, `make prove` and `make test`.
.DEFAULT_GOAL := help
KAFKA ?= kraft
PEOPLE ?= 300
DAYS ?= 60
N ?= 200
SEED ?= 7
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
UV := UV_SYSTEM_CERTS=true VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/uv
SETTINGS = $(if $(DATA),LOGINLAKE_DATA='$(subst ','\'',$(DATA))') $(if $(PORT),LOGINLAKE_PORT='$(subst ','\'',$(PORT))')
# Ctrl-C waits until the program can take it: Python prints a trace for one that comes while it starts.
QUIET = $(shell env --block-signal=INT true 2>/dev/null && echo --block-signal=INT)
ifeq ($(ON),services)
SETTINGS += $(shell $(BIN)/python -m services env)
READY = $(SETTINGS) $(BIN)/loginlake check --create
else
READY = true
endif

.PHONY: help run demo prove test coverage check install lock shots drill bench clean services services-env services-look services-stop verify-real moved
-include services/*.mk

help: ## this list
	@echo "loginlake: every sign-in of an application, accounted for."
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo
	@echo "  PORT=8000 DATA=./data choose the port and the data folder: make run PORT=9000 DATA=/tmp/lake"

run: .venv/run.stamp ## run everything; then open http://localhost:$PORT (Ctrl-C stops it; ON=services: on real servers)
	@$(READY)
	@exec env $(QUIET) $(SETTINGS) $(BIN)/loginlake run

demo: .venv/run.stamp ## the same, with made-up sign-ins in it (PEOPLE=300 DAYS=60)
	@$(READY)
	@exec env $(QUIET) $(SETTINGS) $(BIN)/loginlake demo --if-empty --people $(PEOPLE) --days $(DAYS)
	@exec env $(QUIET) $(SETTINGS) $(BIN)/loginlake run

prove: .venv/run.stamp ## kill the stages at their work, and have every sign-in counted by other code (SEED=7)
	@$(BIN)/python -m prove --seed $(SEED)

test: .venv/dev.stamp ## every check and every test, in a real browser too
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/run.sh

coverage: .venv/dev.stamp ## the same tests, and the lines that none of them reaches (it takes half as long again)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/run.sh --cov --cov-report=term:skip-covered

check: .venv/dev.stamp ## style, types, import contracts and sizes, a line each
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/check.sh

shots: .venv/dev.stamp ## pictures of every page into docs/img; fails on what a person would mind
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/end_to_end/make_shots.py docs/img

drill: .venv/dev.stamp ## N=200 seeded schedules of faults (SEED=7); then 100 kills, and the tests that take long
	@PYTHONPATH=tests:src:. $(BIN)/python -m faults.drill --schedules $(N) --seed $(SEED)
	@PYTHONPATH=tests $(BIN)/python -m kill.drill --rounds 100
	@$(BIN)/python -m pytest -q -m drill
	@EXAMPLES=10 $(BIN)/python -m pytest -q tests/unit/silver tests/unit/gold
	@sh tests/airflow/run.sh -m drill

bench: .venv/dev.stamp ## speed and memory of every stage, beside its peers
	@$(BIN)/python bench/run.py

services: .venv/dev.stamp ## start real servers: Apache Kafka (KAFKA=zookeeper: 3.9), Azurite, a MongoDB wire server
	@$(BIN)/python -m services start --kafka $(KAFKA)

services-env: .venv/dev.stamp ## the settings that point at them
	@$(BIN)/python -m services env

services-look: .venv/dev.stamp ## what is in them, seen by Kafka's console consumer, Azure's SDK and mongosh
	@$(BIN)/python -m services.look

services-stop: .venv/dev.stamp ## end them
	@$(BIN)/python -m services stop

verify-real: .venv/dev.stamp ## the contract suites on real accounts: LOGINLAKE_TEST_LOG_URL, _LAKE_URL, _GOLD_URL
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/verify_real.sh

install: .venv/run.stamp ## make .venv with what the product needs

lock: .venv/bin/uv ## resolve pyproject.toml anew into lock/ (hashes, no addresses)
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra web --extra kafka --extra azure --extra mongo pyproject.toml -o lock/run.txt
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras --group dev -c lock/run.txt pyproject.toml -o lock/dev.txt

clean: ## remove .venv and caches; never the data
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

.venv/bin/uv: $(shell sh services/venv.sh moved)
	@sh services/venv.sh uv "$(PYTHON)" "$(UV_VERSION)"

.venv/run.stamp: .venv/bin/uv lock/run.txt pyproject.toml
	@sh services/venv.sh run

.venv/dev.stamp: .venv/bin/uv lock/dev.txt pyproject.toml
	@sh services/venv.sh dev
