# rtc-drift: `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
LOWEST := .venv-lowest
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: run test test-lowest interop check format bench bench-fanout fuzz soak help clean
.DEFAULT_GOAL := help

run: $(VENV)/.run ## Serve the page on http://127.0.0.1:8080 (options: make run ARGS="--music ~/Music --port 9000")
	@$(BIN)/rtc-drift serve $(ARGS)

test: $(VENV)/.dev chromium ## Run all tests, those in a real browser too (or some: make test ARGS=tests/integration)
ifeq ($(ARGS),)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile tests/unit
	$(BIN)/python -m pytest --ignore tests/unit --ignore tests/interop
else
	$(BIN)/python -m pytest $(ARGS)
endif

test-lowest: $(LOWEST)/.dev ## Run the unit tests with the lowest versions of all packages that pyproject.toml allows
	$(LOWEST)/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile tests/unit $(ARGS)

interop: $(VENV)/.dev chromium ## Run WHEP clients of others, and write the table of docs/interop.md (about 4 minutes)
	$(BIN)/python -m pytest tests/interop $(ARGS)

fuzz: $(VENV)/.dev ## Look for inputs that break something, for 10 minutes (make fuzz ARGS="--minutes 60 --only sdp,http")
	@$(BIN)/python -m tests.fuzz $(ARGS)

check: $(VENV)/.dev ## Lint, format and types (ruff, mypy --strict)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Apply ruff's fixes and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev chromium ## Print the measured figures as JSON lines (about 25 minutes)
	$(BIN)/python -m benchmarks $(ARGS)

bench-fanout: $(VENV)/.dev ## Print what it costs to send to thousands of listeners (about 18 minutes, Linux)
	$(BIN)/python -m benchmarks.fanout $(ARGS)

soak: $(VENV)/.dev ## Observe a server with 200 listeners while things go wrong, for 20 minutes (or: make soak ARGS="--hours 8")
	$(BIN)/python -m benchmarks.soak $(ARGS)

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) $(LOWEST) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# The virtual environment, made anew when the dependencies change. Debian's python3 lacks venv until asked.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rtc-drift needs Python 3.11 or newer (make PYTHON=python3.12 …)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv; } || { echo "Python's venv module is missing: install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.run

# The constraints come from the usual environment, which has `packaging`; only what the unit tests need is installed.
$(LOWEST)/.dev: $(VENV)/.dev tests/support/lowest_versions.py
	$(PYTHON) -m venv $(LOWEST)
	$(BIN)/python -m tests.support.lowest_versions > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check --requirement $(LOWEST)/constraints.txt --editable .
	@touch $@

.PHONY: chromium
chromium:
	@sh tests/browser/install-chromium.sh
