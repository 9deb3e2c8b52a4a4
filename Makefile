# riskgate: everything a developer or CI types. `make help` lists the targets.
# Needs python3 (3.11 or later, with venv) and make. No root except for `make services`.

PYTHON ?= python3
RUN    := .venv
DEV    := .venv-dev
TOOLS  := .venv-build

# Sizes of the measuring targets; the defaults suit a desk, CI runs small sizes inside `make test`.
N     ?= 20
SEEDS ?= 20
SEED  ?=
MINUTES ?= 5
DEVICES ?= 10000
ROWS  ?=
ONLY  ?=
FULL  ?=
KEEP  ?=
ROUNDS ?= 5
HOURS ?= 24
EACH  ?= 30
LIMIT ?= 20

.DEFAULT_GOAL := help
.PHONY: help run demo test lint venv dev lock services wheel wheel-check crash powercut broker-chaos sim day mutants outage city dashboards authz canary pictures bench soak evaluate profile clean
.DELETE_ON_ERROR:

help: ## what can be typed
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

run: $(RUN)/.ready ## the whole gateway on this machine with simulated plants: riskgate demo
	$(RUN)/bin/riskgate demo

demo: run

test: $(DEV)/.ready ## all tests, two at a time; prints what was skipped and why
	$(DEV)/bin/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: $(DEV)/.ready ## ruff, mypy --strict, import contracts
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy --strict
	$(DEV)/bin/lint-imports

venv: $(RUN)/.ready ## .venv with the locked runtime dependencies
dev: $(DEV)/.ready ## .venv-dev with the locked development dependencies

services: ## install the real servers that the tests start (root or password-less sudo; starts none)
	sh tests/support/services.sh

# --- measuring: each writes reports/<target>.json and prints it -----------------------------------

crash: $(DEV)/.ready ## kill -9 at named and random points, N times
	$(DEV)/bin/python -m tests.crash.kill --n $(N)

powercut: $(DEV)/.ready ## N rebuilt disk images with lost, reordered and torn writes
	$(DEV)/bin/python -m tests.crash.powercut --n $(N)

broker-chaos: $(DEV)/.ready ## N rounds of broker kill, session loss, restart and half-open links
	$(DEV)/bin/python -m tests.crash.broker_chaos --n $(N)

sim: $(DEV)/.ready ## the core on a virtual clock with seeded faults: SEEDS=300, or SEED=17 to replay one
	$(DEV)/bin/python -m tests.crash.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

day: $(DEV)/.ready ## a simulated day of alarm management, twice, and the proof that the ledger is its replay: HOURS=24 SEED=1
	$(DEV)/bin/python -m tests.day.run --hours $(HOURS) --seed $(or $(SEED),1)

mutants: $(DEV)/.ready ## small changes of the alarm code, of each a test must fail: EACH=30 of a module (0: all), LIMIT=20 minutes
	test -d build/mutmut || $(DEV)/bin/python -m pip install -q --no-deps --target build/mutmut -r tests/mutants/requirements.txt
	$(DEV)/bin/python -m tests.mutants.run --minutes $(LIMIT) --each $(EACH) --seed $(or $(SEED),1)

outage: $(DEV)/.ready ## database and a webhook away for MINUTES under load, then back
	$(DEV)/bin/python -m tests.system.outage --minutes $(MINUTES)

city: $(DEV)/.ready ## a simulated city through broker and gateway, held to its labels: DEVICES=10000 MINUTES=10
	$(DEV)/bin/python -m tests.system.city --devices $(DEVICES) --minutes $(MINUTES)

pictures: $(DEV)/.ready ## every page of the console in both languages, at three widths, light and dark: reports/pictures
	mkdir -p reports/pictures
	RISKGATE_SHOTS=$(CURDIR)/reports/pictures $(DEV)/bin/python -m pytest -q tests/console/test_pictures.py $(ARGS)

dashboards: $(DEV)/.ready ## every query of every Grafana dashboard, on an InfluxDB that simulated plants filled
	$(DEV)/bin/python -m tests.system.dashboards

authz: $(DEV)/.ready ## every route of the console x every role x two organisations
	$(DEV)/bin/python -m tests.access.authz

canary: $(DEV)/.ready ## secrets given to a whole gateway are found in nothing that it writes, says or answers
	$(DEV)/bin/python -m tests.access.canary

bench: $(DEV)/.ready ## the table of speed: ROWS=raw20,lines for some, ROUNDS=5; installs node-red into build/
	$(DEV)/bin/python -m tests.bench $(if $(ROWS),--rows $(ROWS)) --rounds $(ROUNDS)

soak: $(DEV)/.ready ## a broker's full rate for MINUTES=10, each round accounted for, memory flat
	$(DEV)/bin/python -m tests.bench.soak --minutes $(MINUTES)

evaluate: $(DEV)/.ready ## how good detection is: table, reports/evaluate.json, plots; ONLY=nab,tep for some, SEED=1002, FULL=1, KEEP=1
	$(DEV)/bin/riskgate evaluate $(if $(ONLY),--only $(ONLY)) $(if $(FULL),--full) $(if $(SEED),--seed $(SEED) --plots build/evaluation,--plots docs/evaluation) \
		--golden docs/evaluation/golden.json $(if $(KEEP),--keep)

profile: $(DEV)/.ready ## build/profile.svg: where a core under load spends its time (flame graph)
	$(DEV)/bin/python -m tests.bench.profile

# --- packaging --------------------------------------------------------------------------------------

wheel: $(TOOLS)/.ready ## dist/riskgate-<version>-py3-none-any.whl
	rm -rf dist
	PYTHONPATH=$(TOOLS)/lib $(TOOLS)/bin/python -m pip wheel -q --no-deps --no-build-isolation -w dist .

wheel-check: wheel ## install the wheel in a new environment in another folder and run the demo there
	sh tests/support/wheel_check.sh $(PYTHON)

lock: ## write the three lock files again (UPGRADE=1 for the newest versions)
	test -x .venv-lock/bin/uv || ($(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install -q uv)
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) -o requirements-dev.lock --group dev pyproject.toml
	$(BUILD_REQUIRES) | $(COMPILE) -o requirements-build.lock -

# No index address and no folder of this machine may enter a lock: anybody's registry must do.
COMPILE = .venv-lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-config --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	$(if $(UPGRADE),--upgrade)
BUILD_REQUIRES = $(PYTHON) -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "editables", sep="\n")'

clean: ## remove environments, caches, reports and demo data; never a data folder of yours
	rm -rf $(RUN) $(DEV) $(TOOLS) .venv-lock build dist reports demo-data
	rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments: a stamp each, so the second time costs nothing ---------------------------------

# The build back end has its own lock and its own folder: .venv holds runtime dependencies only.
$(TOOLS)/.ready: requirements-build.lock
	$(call new_venv,$(TOOLS))
	$(TOOLS)/bin/python -m pip install -q --require-hashes --target $(TOOLS)/lib -r requirements-build.lock
	touch $@

$(RUN)/.ready: requirements.lock pyproject.toml $(TOOLS)/.ready
	$(call new_venv,$(RUN))
	$(RUN)/bin/python -m pip install -q --require-hashes -r requirements.lock
	$(call editable,$(RUN))
	touch $@

$(DEV)/.ready: requirements-dev.lock pyproject.toml $(TOOLS)/.ready
	$(call new_venv,$(DEV))
	$(DEV)/bin/python -m pip install -q --require-hashes -r requirements-dev.lock
	$(call editable,$(DEV))
	touch $@

define new_venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"riskgate needs Python 3.11 or later; say which: make PYTHON=python3.12 ...")'
@echo "preparing $(1) (once; needs the package registry)"
$(PYTHON) -m venv --clear $(1)
endef

define editable
PYTHONPATH=$(TOOLS)/lib $(1)/bin/python -m pip install -q --no-deps --no-build-isolation -e .
endef
