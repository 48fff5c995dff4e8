# `make run` starts a server, `make test` runs every check; `make help` lists the rest.
# All it needs is Python 3.11 or newer, GNU make 3.81 or newer, and a network for the first run.

VENV = .venv
PY = $(VENV)/bin/python
TRIAL = -m twisted.trial
SPHINX = $(PY) -m sphinx --fail-on-warning --keep-going --quiet

# Unit tests run side by side; those with real clients and servers run alone. What a seed of the
# simulation does depends on no clock of this machine, so that a slow one only takes longer.
UNIT = $(filter-out tests.live,$(subst /,.,$(patsubst %/__init__.py,%,$(wildcard tests/*/__init__.py)))) \
       $(subst /,.,$(basename $(wildcard tests/test_*.py)))
LIVE = $(wildcard tests/live/__init__.py)
LINTED = $(wildcard xmppd tests twisted tools docs benchmarks)
SEEDS = 1000
COVERAGE = COVERAGE_FILE='$(CURDIR)/build/coverage/data' $(PY) -m coverage

.PHONY: run test check lint types docs unit coverage simulate live dist clean help
.NOTPARALLEL:
.SUFFIXES:

help: ## show this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /|/' | awk -F'|' '{ printf "make %-9s %s\n", $$1, $$2 }'

run: $(VENV)/.run ## start a server for this machine on built-in defaults, in the foreground
	@$(PY) $(VENV)/bin/twistd --nodaemon --pidfile= xmppd

test: check docs unit coverage simulate live ## run every check and all tests

check: lint types ## lint, format and types, without running anything

lint: $(VENV)/.test ## ruff
	$(PY) -m ruff check $(LINTED)
	$(PY) -m ruff format --check $(LINTED)

types: $(VENV)/.test ## mypy
	$(PY) -m mypy

docs: $(VENV)/.test ## build the documentation: docs/_build/html and docs/_build/html/api
	$(SPHINX) docs docs/_build/html
	$(PY) -m pydoctor --config pyproject.toml --html-output docs/_build/html/api

unit: $(VENV)/.test ## the tests without the live ones, measuring coverage
	rm -rf build/coverage && mkdir -p build/coverage
	$(COVERAGE) run $(TRIAL) -j2 --temp-directory=build/trial $(UNIT)

coverage: $(VENV)/.test ## hold what `make unit` measured against each room's threshold
	$(COVERAGE) combine --quiet
	$(COVERAGE) json --quiet -o build/coverage/report.json
	$(PY) tools/coverage_rooms.py build/coverage/report.json

simulate: $(VENV)/.test ## many seeds of a simulated federation: make simulate SEEDS=1000
	$(PY) -m tests.network.simulate $(SEEDS) --jobs 2

live: $(VENV)/.test ## the tests with real clients and servers
	$(if $(LIVE),$(PY) $(TRIAL) --temp-directory=build/trial-live tests.live,@echo "there are no live tests")

dist: $(VENV)/.test ## build the wheel and the source distribution into dist/
	$(PY) -m build --no-isolation

clean: ## remove what builds and tests leave; accounts (var/) and the environment (.venv) stay
	rm -rf build dist docs/_build *.egg-info _trial_temp* .mypy_cache .ruff_cache .hypothesis .coverage*
	rm -f twisted/plugins/dropin.cache
	find xmppd tests twisted tools docs -name __pycache__ -prune -exec rm -rf {} +

# The stamps are inside of the environment: who removes it removes them too.

# An editable install alone hides twisted/plugins from Twisted, which looks along sys.path.
$(VENV)/.run: setup.cfg pyproject.toml tools/make-venv
	@echo "preparing $(VENV); this is done once"
	@sh tools/make-venv $(VENV)
	@$(PY) -m pip install --quiet --editable .
	@$(PY) -c 'import os, sysconfig; print(os.getcwd(), file=open(sysconfig.get_path("purelib") + "/xmppd-checkout.pth", "w"))'
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "adding what tests and documentation need"
	@$(PY) -m pip install --quiet --editable '.[test,docs]'
	@touch $@
