# `make run` and `make test` are all a newcomer needs; both install what is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := run

PYTHON ?= python3
BIN := .venv/bin
CHECKED := run.py config rules storage actors tasks server bench tests
BENCH_ARGS ?=
# What is imported is compiled then; all that is not would take half of the installing.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile
# A pytest a core, each with stores of its own, and one more, for each waits a fifth of its time; a
# file is run by one, for its fixtures' sake.
TEST_PROGRAMS ?= -n $$(($$(nproc) + 1)) --maxprocesses=4 --dist loadfile --no-loadscope-reorder

# Every program that a test starts would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install run test test-long check bench clean debian

# Stamps hold the moment of the last install, so that repeats cost nothing.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (set PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "The venv module is missing: apt-get install python3-venv" >&2; rm -rf .venv; exit 1; }

.venv/service.stamp: requirements.txt requirements/service.txt requirements/embedded.txt | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) -r requirements.txt
	@touch $@

# All at once: what is the service's is not looked up twice.
.venv/test.stamp: requirements.txt requirements/service.txt requirements/embedded.txt requirements/test.txt | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) -r requirements/test.txt
	@touch .venv/service.stamp $@

install: .venv/service.stamp

run: install
	@exec $(BIN)/python run.py

# A browser for the pages, and the balancer that deploy/ configures.
debian:
	@missing=(); \
	command -v chromium chromium-browser google-chrome >/dev/null || missing+=(chromium); \
	PATH="$$PATH:/usr/sbin" command -v haproxy >/dev/null || missing+=(haproxy); \
	if (($${#missing[@]} == 0)); then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing $${missing[*]} for the tests"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	else \
	  echo "The tests need $${missing[*]}: run 'apt-get install $${missing[*]}' as root" >&2; exit 1; \
	fi

# The second report holds what decides and what carries to a stricter mark than the whole.
test: .venv/test.stamp debian
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest $(TEST_PROGRAMS) --cov --cov-branch --cov-report=term $(PYTEST_ARGS)
	$(BIN)/python -m coverage report --include='actors/*,rules/*' --fail-under=100

.venv-long/long.stamp: requirements/long.txt | $(BIN)/python
	$(PYTHON) -m venv .venv-long
	.venv-long/bin/python $(PIP_INSTALL) -r requirements/long.txt
	@touch $@

# Minutes, not seconds: run by hand, before a release.
test-long: .venv/test.stamp .venv-long/long.stamp
	$(BIN)/python -m tests.long.openapi_conformance .venv-long/bin/schemathesis
	FUZZ_EXAMPLES=300 $(BIN)/python -m pytest --hypothesis-profile=long tests/rules tests/server/test_fuzz.py
	REMINDERS_EXAMPLES=400 $(BIN)/python -m pytest tests/actors/flows/test_reminders_model.py
	WORKER_KILLS=15 WORKER_KILL_PEOPLE=1000 $(BIN)/python -m pytest tests/flows/test_worker_kill.py

check: .venv/test.stamp
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

# A quarter of an hour: every goal beside what is measured of it.
bench: .venv/test.stamp
	$(BIN)/python bench/table.py $(BENCH_ARGS)

clean:
	rm -rf .venv .venv-long .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
