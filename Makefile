.DEFAULT_GOAL := help
PYTHON_RUN := .venv/bin/python
MINUTES ?= 30
# Two at a time, each with a database server of its own; one at a time where you name the server.
PYTEST := $(PYTHON_RUN) -m pytest $(if $(DATABASE_TEST_URL),,-n 2 --dist worksteal)

.PHONY: help setup env demo up test test-all soak lint bench bench-quick bench-shaping bench-webhook screenshots lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{ printf "%-21s %s\n", $$1, $$2 }'

setup: ## make .venv with everything that is needed
	@scripts/setup.sh

env: ## write .env with fresh random secrets (never overwrites one)
	@scripts/env.sh

demo: setup ## see it work: simulator, Airflow, webhook and a proof, in one go
	@$(PYTHON_RUN) scripts/demo.py

up: setup ## keep it running without Docker, with the Airflow UI; Ctrl-C stops it
	@$(PYTHON_RUN) scripts/up.py

lint: setup ## ruff, mypy --strict and the import contracts
	@$(PYTHON_RUN) -m ruff check .
	@$(PYTHON_RUN) -m ruff format --check .
	@$(PYTHON_RUN) -m mypy
	@.venv/bin/lint-imports --no-logo

test: ## set up, lint and run the tests
	@scripts/headers.sh
	@$(MAKE) --no-print-directory lint
	@$(PYTEST)

test-all: ## the same with the long ones
	@scripts/headers.sh
	@$(MAKE) --no-print-directory lint
	@PROOF_MINUTES=$${PROOF_MINUTES:-3} $(PYTEST) -m ""

soak: ## try new histories of the survey and of any form, each for MINUTES=30 on each kind of database
	@scripts/headers.sh
	@PROOF_MINUTES=$(MINUTES) $(PYTEST) -m "" --timeout=0 tests/proof/test_histories.py tests/proof/test_any_form.py

bench: setup ## measure the bulk path beside its peers and its limit; ONLY=peers,growth chooses sections
	@benchmarks/setup.sh
	@test -n "$(ONLY)" || $(PYTHON_RUN) -m benchmarks.shaping
	@$(PYTHON_RUN) -m benchmarks.bulk --only "$(ONLY)"

bench-quick: setup ## the same in some minutes, with little data
	@benchmarks/setup.sh
	@$(PYTHON_RUN) -m benchmarks.bulk --quick

bench-shaping: setup ## measure how long submissions of derived forms take to become rows
	@$(PYTHON_RUN) -m benchmarks.shaping

bench-webhook: setup ## measure the webhook beside Flask's own server, one commit a request, and its ceilings
	@$(PYTHON_RUN) -m benchmarks.webhook

screenshots: ## take README's pictures anew, with the browser test that shows the page
	@scripts/headers.sh
	@$(PYTHON_RUN) -m pytest -m "" tests/browser
	@for name in page rejection deletes; do cp .screenshots/$$name.png docs/$$name.png; done

lock: ## write requirements.lock anew after a change of a requirements file
	@scripts/lock.sh

clean: ## remove what was generated, but not .env
	@rm -rf .venv .demo .up .bench .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .screenshots
