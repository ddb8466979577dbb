# Two commands are all a fresh machine needs: `make run` and `make test`.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet
export PYTHONPATH :=

.PHONY: run test check lint types floors migrations bench api-fuzz system clean help

help:            ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# What browsers load that is not ours. Its licence goes with it.
MSAL := vendor/node_modules/@azure/msal-browser
LIBRARY := static/vendor/msal-browser.min.js
NPM := npm ci --prefix vendor --ignore-scripts --no-audit --no-fund --silent --fetch-retries=1
$(LIBRARY): vendor/package.json vendor/package-lock.json
	$(NPM)
	@install -D -m 0644 $(MSAL)/LICENSE static/vendor/msal-browser.LICENSE.txt
	@install -D -m 0644 $(MSAL)/lib/msal-browser.min.js $@

.PHONY: vendor
vendor: $(LIBRARY) ## the library for NAA, below static/vendor (with npm); a running service sees it after a restart

run: $(VENV)/.run ## install, migrate, seed a demo and serve it (PORT=8080)
	@test -e $(LIBRARY) || { command -v npm >/dev/null && $(MAKE) --no-print-directory --silent vendor; } \
		|| echo "Without npm the pane has no NAA (docs/sign-in.md); everything else works."
	@$(BIN)/addin-host demo --port $(PORT)

# Three parts beside each other: those that drive a browser, those that kill workers (both mostly wait), and all others.
# The reports of the first two come last.
BROWSER := tests/e2e tests/web/test_pane_logic.py tests/web/test_pane_identity.py
KILLING := tests/worker/test_crash.py
ALL_TESTS = mkdir -p build; \
	$(BIN)/python -m pytest $(BROWSER) >build/e2e.log 2>&1 & browser=$$!; \
	$(BIN)/python -m pytest $(KILLING) >build/crash.log 2>&1 & killing=$$!; \
	trap "kill $$browser $$killing" INT TERM; \
	$(BIN)/python -m pytest $(BROWSER:%=--ignore=%) $(KILLING:%=--ignore=%); others=$$?; \
	wait $$killing; killed=$$?; cat build/crash.log; \
	wait $$browser; browsed=$$?; cat build/e2e.log; exit $$((others | killed | browsed))

test: $(VENV)/.dev system vendor check-static ## install what the tests need and run all of them
	@$(ALL_TESTS)

check: $(VENV)/.dev system vendor check-static ## formatting, lint, types, floors, migrations, tests
	@$(ALL_TESTS)

.PHONY: check-static
check-static: lint types floors

lint: $(VENV)/.dev ## ruff
	$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	$(BIN)/ruff check --quiet .

types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

floors: $(VENV)/.dev ## who may import whom
	$(BIN)/lint-imports --no-cache

migrations: $(VENV)/.dev ## every migration up, down and up again, on both databases
	$(BIN)/python -m pytest tests/store/test_migrations.py

system: ## Debian packages that the tests need (installed when root, named otherwise)
	@bash tests/system-packages.sh

bench: $(VENV)/.dev ## measured ratios, one line each: name value unit target
	@bash tests/system-packages.sh
	$(BIN)/python -m bench

api-fuzz: $(VENV)/.dev ## schemathesis against the REST interface (CASES=5000 at least)
	$(BIN)/python -m tests.api_fuzz --cases $(or $(CASES),5000)

.PHONY: recurrence
recurrence: $(VENV)/.dev ## generated series against an oracle (SERIES=20000)
	$(BIN)/python -m tests.recurrence --series $(or $(SERIES),20000)

.PHONY: crash drain
crash: $(VENV)/.dev ## workers killed at random, two on each database (KILLS=300)
	@bash tests/system-packages.sh
	$(BIN)/python -m tests.worker crash --kills $(or $(KILLS),300)

drain: $(VENV)/.dev ## 10,000 queued items and one worker on PostgreSQL (ITEMS=10000)
	@bash tests/system-packages.sh
	$(BIN)/python -m tests.worker drain --items $(or $(ITEMS),10000)

.PHONY: model
model: $(VENV)/.dev ## the scheduling service against a model of meetings (STEPS=20000)
	@$(BIN)/python -m tests.flows.scheduling.test_model $(or $(STEPS),20000)

clean: ## forget what was installed and built
	rm -rf $(VENV) tests/e2e/node_modules vendor/node_modules static/vendor var
