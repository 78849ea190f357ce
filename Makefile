# loginlake: `make` explains itself. Two commands matter: `make run` and `make test`.
.DEFAULT_GOAL := help
PORT ?= 8000
DATA ?= data
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
UV := UV_SYSTEM_CERTS=true VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv
export LOGINLAKE_DATA := $(DATA)
export LOGINLAKE_PORT := $(PORT)

.PHONY: help run demo install lock test check shots drill bench clean

help: ## this list
	@echo "loginlake: every sign-in of an application, accounted for."
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo
	@echo "  PORT=8000 DATA=./data choose the port and the data folder: make run PORT=9000 DATA=/tmp/lake"

.venv/bin/uv:
	@sh services/venv.sh "$(PYTHON)" .venv "$(UV_VERSION)"

.venv/run.stamp: .venv/bin/uv lock/run.txt pyproject.toml
	@test -f .venv/dev.stamp || { echo "installing from lock/run.txt ..."; $(UV) pip sync -q --require-hashes lock/run.txt; }
	@$(UV) pip install -q --no-deps --no-build-isolation-package none -e .
	@touch $@
