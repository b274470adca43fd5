# Everything that a developer can do here. All it needs is a Python from 3.11 up, with venv and pip.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo quick test check format docs build test-wheel test-lowest test-pythons test-suites
.PHONY: bench bench-answers soak kills debian clean

# The first of these that is Python 3.11 or later. Another: make PYTHON=... test
PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,\
	$(if $(shell $(python) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>&1 \
	| grep -x True),$(python))))

VENV := .venv
# Where a virtual environment has its programs, on Windows elsewhere.
BIN := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
CONSTRAINTS := tests/constraints.txt
LOWEST := tests/lowest.txt
# Each worker takes a row of tests, and so starts the servers of these alone.
PYTEST := -m pytest -n auto --dist worksteal
# What needs no process beside the tests' own: no server, browser, database or worker.
IN_PROCESS := tests integrations/loguru integrations/structlog -m "not outside"
DEMO_GROUPS := --group demo
TEST_GROUPS := --group test --group apps --group servers --group demo
INTEGRATIONS := --group integrations
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# What is compiled is kept: tests start many processes, each of which would compile clew anew.
unexport PYTHONDONTWRITEBYTECODE

# $(call install,folder,python,constraints,groups): makes a virtual environment, and installs clew
# in it, editable, with dependency groups, which pip knows from 25.1 on.
define install
	@test -n "$(2)" || { echo "There is no Python 3.11 or later here; give one: make PYTHON=..." >&2; exit 1; }
	@echo "Installing into $(1) (once, and when the requirements change) ..."
	@test -x $(1)/$(BIN)/pip || $(2) -m venv $(1)
	@$(1)/$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(1)/$(BIN)/python -m pip install --quiet --constraint $(3) --editable . $(4)
	@touch $@
endef

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Run three real services, send them requests, show and check what they log
	@$(VENV)/$(BIN)/python -m examples.demo

quick: $(VENV)/.test ## Run the tests that need no server, browser or database: a minute
	@$(VENV)/$(BIN)/python $(PYTEST) $(IN_PROCESS)

test: $(VENV)/.test ## Run all tests, with branch coverage, which must be 98 %
	@$(VENV)/$(BIN)/python $(PYTEST) --cov --cov-report=term

bench: $(VENV)/.bench ## Measure what a request, a line and a call cost, next to what others cost
	@$(VENV)/$(BIN)/python -m tests.benchmarks $(BENCH)

check: $(VENV)/.test $(VENV)/.docs ## Look at style, spelling, types, imports, workflows, and the documents' links and code
	@$(VENV)/$(BIN)/ruff check
	@$(VENV)/$(BIN)/ruff format --check
	@$(VENV)/$(BIN)/typos
	@$(VENV)/$(BIN)/mypy
	@$(VENV)/$(BIN)/lint-imports --no-logo
	@$(VENV)/$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(VENV)/$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	@$(VENV)/$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(VENV)/$(BIN)/zizmor --offline --no-progress --quiet .github
	@$(VENV)/$(BIN)/python -m pytest -q tests/test_documents.py tests/test_site.py -m "not outside"

format: $(VENV)/.test ## Format the code, and mend what ruff and typos can mend
	@$(VENV)/$(BIN)/ruff check --fix
	@$(VENV)/$(BIN)/ruff format
	@$(VENV)/$(BIN)/typos --write-changes

docs: $(VENV)/.docs ## Build the site into build/site; a link that leads nowhere ends it
	@$(VENV)/$(BIN)/python -m docs

# A tag of a release names its version: make build TAG=v1.2.3
build: $(VENV)/.test ## Build sdist and wheel into dist/, look into them, install and use the wheel
	@rm -rf dist build/installed
	@$(VENV)/$(BIN)/python -m build --outdir dist >/dev/null
	@test -z "$(TAG)" || ls dist/clew-$(TAG:v%=%).tar.gz
	@test -z "$(TAG)" || ! grep -n 'repository = "https://git.example' pyproject.toml
	@$(VENV)/$(BIN)/twine check --strict dist/*
	@$(VENV)/$(BIN)/check-wheel-contents dist/*.whl
	@$(VENV)/$(BIN)/python -m venv build/installed
	@build/installed/$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) "$$(ls dist/*.whl)[answers]"
	@cd build && installed/$(BIN)/python -c 'import clew; clew.configure_logging(service="built"); \
		clew.get_logger("build").info("Installed and used", action="BUILT", value=clew.__file__)' \
		| tee built.ndjson
	@cd build && installed/$(BIN)/clew ask actions built.ndjson && installed/$(BIN)/clew check built.ndjson

# The dependencies of the tests are those of the environment, of which a .pth file takes the
# packages alone: the editable clew in it is a .pth file too, which nobody reads then.
test-wheel: build ## Run the tests in process on the wheel
	@rm -rf build/wheel && mkdir -p build/wheel
	@$(VENV)/$(BIN)/python -m venv build/wheel/venv
	@build/wheel/venv/$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) dist/*.whl
	@$(VENV)/$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> "$$(build/wheel/venv/$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests.pth"
	@cp -R .github docs tests integrations examples pyproject.toml README.md CHANGELOG.md LICENSE build/wheel
	@cd build/wheel && venv/$(BIN)/python $(PYTEST) $(IN_PROCESS)

test-lowest: $(VENV)/lowest/.test ## Run the tests with the lowest versions that pyproject.toml admits
	@$(VENV)/lowest/$(BIN)/python $(PYTEST) tests --ignore tests/benchmarks --ignore tests/answers/pages/test_browser.py

# What differs by Python is what runs in its process: logging, contexts, tasks, threads. How a
# server or a worker calls clew does not, and is tested on one. Django's tasks want Python 3.12.
test-pythons: $(VENV)/.test ## Run the tests in process on every other Python of this machine
	@test -n "$$($(find_pythons))" || echo "There is no other Python from 3.11 up here."
	@$(find_pythons) | while read -r version python; do \
		$(MAKE) --no-print-directory "OTHER=$$python" "$(VENV)/$$version/.test" && \
		echo "Python $$version ($$python)" && \
		"$(VENV)/$$version/$(BIN)/python" $(PYTEST) $(IN_PROCESS) integrations/django_tasks \
			</dev/null || exit 1; \
	done

test-suites: $(VENV)/.test ## Run the own tests of frameworks and clients with clew in place (SUITES=...)
	@$(VENV)/$(BIN)/python -m tests.suites $(SUITES)

bench-answers: $(VENV)/.test ## Measure the answers on 5 million lines, next to jq, GoAccess and others
	@$(VENV)/$(BIN)/python -m tests.benchmarks.answers

soak: $(VENV)/.test ## Send 100,000 requests of all kinds to each server, with faults; judge the log
	@$(VENV)/$(BIN)/python -m tests.benchmarks.soak $(SOAK)

kills: $(VENV)/.test ## Kill 1,000 workers of servers and of Celery at random moments; judge the log
	@$(VENV)/$(BIN)/python -m tests.benchmarks.kills $(KILLS)

# nginx, Redis and the languages of the integrations, and the browser that looks at the pages.
debian: ## Install Debian's packages that the whole suite wants, as root
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver nginx redis-server \
		curl nodejs ruby golang-go default-jdk-headless lnav >/dev/null

clean: ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* build dist
	find src tests integrations examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.demo: pyproject.toml $(CONSTRAINTS)
	$(call install,$(VENV),$(PYTHON),$(CONSTRAINTS),$(DEMO_GROUPS))

$(VENV)/.test: pyproject.toml $(CONSTRAINTS)
	$(call install,$(VENV),$(PYTHON),$(CONSTRAINTS),$(TEST_GROUPS) $(INTEGRATIONS) --group lint)
	@touch $(VENV)/.demo

$(VENV)/.bench: pyproject.toml $(CONSTRAINTS)
	$(call install,$(VENV),$(PYTHON),$(CONSTRAINTS),--group bench)

# The answers on the site are those of the demo.
$(VENV)/.docs: pyproject.toml $(CONSTRAINTS)
	$(call install,$(VENV),$(PYTHON),$(CONSTRAINTS),$(DEMO_GROUPS) --group docs)

# An old framework may not run on a new Python, so the oldest at hand takes it. The systems around
# the application are not in it: most want newer frameworks.
$(VENV)/lowest/.test: pyproject.toml $(LOWEST)
	$(call install,$(VENV)/lowest,$(or $(shell $(all_pythons) | head -n 1 | cut -d ' ' -f 2),$(PYTHON)),$(LOWEST),$(TEST_GROUPS))

# For test-pythons, which says by OTHER which Python it is.
$(VENV)/3.%/.test: pyproject.toml $(CONSTRAINTS)
	$(call install,$(VENV)/3.$*,$(OTHER),$(CONSTRAINTS),$(TEST_GROUPS) $(INTEGRATIONS))

# Prints "version path" of one Python a minor version, the oldest first. A shim may stand on the
# PATH for a Python that is not there, so each is tried.
all_pythons = for python in python3.11 python3.12 python3.13 python3.14 \
		"$$HOME"/.pyenv/versions/*/bin/python3; do \
		"$$python" -c 'import ensurepip, sys; \
			print("%d.%d" % sys.version_info[:2], sys.executable, sys.version_info[:2] >= (3, 11))' \
			2>/dev/null; \
	done | sed -n 's/ True$$//p' | sort -u -t . -k 1,1n -k 2,2n

# The same without that of the environment itself.
find_pythons = own=$$($(VENV)/$(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	{ $(all_pythons); } | { grep -v "^$$own " || true; }
