# Everything that one types. `make demo` and `make test` are enough on a fresh Debian or Ubuntu machine
# with Python 3.11+ (with venv), git and make.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
UV := .tools/bin/uv
INSTALLED := .venv/.installed
OPENIWD_DATA ?= ../shared/data
PYTEST_WORKERS ?= auto
ARGS ?=
FAULTS_PACKAGES := redis-server:redis-server dovecot:dovecot-imapd /usr/lib/dovecot/lmtp:dovecot-lmtpd postfix:postfix
BROWSER_TESTS := tests/browser
# Errors of the driver itself (a navigation that the page's own one cut off, a node that a refresh took
# away between two steps) are no verdict on the page: such a test runs once more, and the summary names it.
# A failed expectation is never tried again.
DRIVER_ERRORS_AGAIN := --reruns 1 --only-rerun '^Error: ' -rR

export OPENIWD_DATA
export UV_PYTHON_DOWNLOADS := never
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
unexport VIRTUAL_ENV PYTHONPATH PYTHONDONTWRITEBYTECODE UV_PROJECT_ENVIRONMENT

.PHONY: faults fuzz sbom seeds overload soak audit
.PHONY: help install demo check test test-packages test-replay faults-long reference bench bench-intake bench-rules \
        bench-backlog bench-distribution bench-footprint bench-ui bench-capture bench-trial bench-impact bench-datamart bench-email \
        mart-faults-long mart-freshness test-superset bench-search upgrade-test pods-test bench-tenants

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## everything needed into this checkout (.venv); does nothing when up to date

$(UV):
	@python=$$(.ci/python) || exit 1; \
	echo "creating .tools (the installer)"; \
	rm -rf .tools && "$$python" -m venv .tools && .tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9.10,<1'

$(INSTALLED): uv.lock pyproject.toml | $(UV)
	@if [ ! -x $(BIN)/python ]; then python=$$(.ci/python) && echo "creating .venv" && "$$python" -m venv .venv; fi
	@echo "installing what uv.lock names"
	@$(UV) sync --quiet --frozen --compile-bytecode
	@$(BIN)/python -m compileall -q src # else the first start does so, and takes a second or two more
	@touch $@

demo: install ## a server with a believable tenant and live traffic on port 4024 (ARGS="--port 4100" ...)
	@exec $(BIN)/openiwd up --demo $(ARGS)

check: install ## style, types and import contracts
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "run: $(BIN)/ruff format"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test-packages:
	@.ci/packages
	@.ci/kafka
	@.ci/search
	@.ci/helm
	@.ci/oidc-provider

test: install test-packages ## all tests, real servers included (ARGS="tests/unit -k calendar" ...)
	@$(BIN)/pytest -n $(PYTEST_WORKERS) --dist worksteal $(or $(ARGS),--ignore=$(BROWSER_TESTS)) || { code=$$?; [ -n "$(ARGS)" ] && [ $$code -eq 5 ]; }
	@$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadfile -m browser $(DRIVER_ERRORS_AGAIN) $(or $(ARGS),$(BROWSER_TESTS)) || { code=$$?; [ -n "$(ARGS)" ] && [ $$code -eq 5 ]; }

test-replay: install ## replays the real event logs from OPENIWD_DATA (default ../shared/data)
	@if [ -d "$(OPENIWD_DATA)" ]; then \
		exec $(BIN)/pytest -n 0 -m replay $(ARGS); \
	elif [ "$$CI" = true ]; then \
		echo "FAILED: no event logs in '$(OPENIWD_DATA)'; set OPENIWD_DATA to the folder that holds them" >&2; exit 1; \
	else \
		echo "*** SKIPPED: no event logs in '$(OPENIWD_DATA)'; set OPENIWD_DATA to the folder that holds them ***" >&2; \
	fi

upgrade-test: install ## the code before the last migration on today's schema (of a shallow clone the rest is fetched)
	@$(BIN)/pytest -n 0 -m upgrade $(ARGS)

test-superset: install ## a real Superset (own venv in .tools) imports deploy/superset; each chart says what the report page says
	@.ci/superset
	@$(BIN)/pytest -n 0 -m superset $(ARGS)

pods-test: install test-packages ## processes behind a gateway are replaced under load; one that distributes is killed
	@$(BIN)/pytest -n 0 -m pods $(ARGS)

faults-long: install ## the same with mail, capture, the mart and Redis, for long (ARGS="--seconds 3600 --seed 7")
	@.ci/packages $(FAULTS_PACKAGES)
	@exec $(BIN)/python -m tests.faults --table --whole $(ARGS)

faults: install ## ten minutes at most of faults under load, with a table of what was lost, doubled or illegal (ARGS="--seed 7")
	@.ci/search
	@$(BIN)/pytest -n 0 -m faults
	@exec $(BIN)/python -m tests.faults --table --seconds 420 $(ARGS)

seeds: install ## 2,000 small tenants simulated, each another seed (ARGS="--seeds 20000 --first 50000")
	@exec $(BIN)/python -m tests.unit.simulated_seeds $(ARGS)

fuzz: install ## the whole OpenAPI with what nobody meant: no 5xx, no answer that the description does not know
	@exec $(BIN)/pytest -n 0 -m fuzz --timeout 3600 $(ARGS)

sbom: install ## what the installed package brings along (CycloneDX, build/sbom.json)
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-format JSON --output-file build/sbom.json $(BIN)/python
	@echo "build/sbom.json"

audit: install ## known vulnerabilities of the locked dependencies (ARGS="--vulnerability-service osv"); needs the service, not part of CI
	@.ci/audit $(ARGS)

mart-faults-long: install ## kills the data mart's process at 200 random points and compares (ARGS="--kills 50")
	@exec $(BIN)/python -m tests.faults.mart_killed $(ARGS)

mart-freshness: install ## how old the numbers of a real demo get under its traffic, at most 60 s (ARGS="--seconds 600")
	@exec $(BIN)/python -m tests.faults.mart_freshness $(ARGS)

reference: install ## writes the pages of docs/reference and the bundle of deploy/superset that are made from the code
	@$(BIN)/openiwd reference
	@$(BIN)/openiwd superset deploy/superset/openiwd

bench: bench-footprint bench-rules bench-intake bench-capture bench-backlog bench-distribution bench-datamart bench-ui bench-trial bench-impact bench-email ## all benchmarks, results in benchmarks/results

overload: install ## twice the sustainable rate for 3 minutes (benchmarks/results/overload.json, ARGS="--seconds 30 --dry")
	@exec $(BIN)/python -m benchmarks.overload $(ARGS)

soak: install ## everything together for 30 minutes (benchmarks/results/soak.json, ARGS="--seconds 300 --dry")
	@exec $(BIN)/python -m benchmarks.soak $(ARGS)

bench-intake: install ## intake rate and latency (benchmarks/results/intake.json)
	@$(BIN)/python -m benchmarks.intake $(ARGS)

bench-capture: install ## records of every kind of source taken into items, and memory of files (benchmarks/results/capture.json)
	@.ci/packages
	@.ci/kafka
	@$(BIN)/python -m benchmarks.capture $(ARGS)

bench-rules: install ## cost of classifying an item (benchmarks/results/rules.json)
	@$(BIN)/python -m benchmarks.rules $(ARGS)

bench-backlog: install ## the backlog index: memory, rates, exactness, reload (benchmarks/results/backlog.json)
	@.ci/packages redis-server:redis-server
	@$(BIN)/python -m benchmarks.backlog $(ARGS)

bench-distribution: install ## choice, durable assignment, offers on streams (benchmarks/results/distribution.json)
	@$(BIN)/python -m benchmarks.distribution $(ARGS)

bench-datamart: install ## loading the data mart (benchmarks/results/datamart.json)
	@$(BIN)/python -m benchmarks.datamart $(ARGS)

bench-footprint: install ## install size, start-up time and memory (benchmarks/results/footprint.json)
	@$(BIN)/python -m benchmarks.footprint $(ARGS)

bench-impact: install ## what a draft would do to a million open items (benchmarks/results/impact.json)
	@$(BIN)/python -m benchmarks.impact $(ARGS)

bench-search: install ## searches by PostgreSQL and by an index (benchmarks/results/search.json, ARGS="--items 100000")
	@.ci/search
	@$(BIN)/python -m benchmarks.search $(ARGS)

bench-ui: install ## pages of the Universal Queue over 1 M items (benchmarks/results/ui.json)
	@$(BIN)/python -m benchmarks.ui $(ARGS)

bench-tenants: install ## many tenants in one process: connections, memory, time per create (benchmarks/results/tenants.json)
	@$(BIN)/python -m benchmarks.tenants $(ARGS)

bench-trial: install ## what a shadow costs intake, and how long publishing takes (benchmarks/results/trial.json)
	@$(BIN)/python -m benchmarks.trial $(ARGS)

bench-email: install ## mail read, tied and stored beside the standard parser; 100 mailboxes on one pod (benchmarks/results/email.json)
	@.ci/packages dovecot:dovecot-imapd /usr/lib/dovecot/lmtp:dovecot-lmtpd postfix:postfix
	@$(BIN)/python -m benchmarks.email $(ARGS)
