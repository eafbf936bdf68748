# Every command of this project. `make run` and `make test` do their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON_BIN := .venv/bin/python
ARGS ?=
export PREFIX DESTDIR SYSCONFDIR PYTHON

.PHONY: run test quick check snapshots docs bench performance dist deb deb-test rpm pyz site test-lowest install uninstall clean help

run: ## start the console; ARGS="--demo" and the like are passed on
	@scripts/setup.sh run
	@exec $(PYTHON_BIN) -m vconsole $(ARGS)

test: ## set up, check, run every test; root's: guests and packages too
	@scripts/setup.sh test
	@$(MAKE) $(TWO) --output-sync $(CHECKS) site
	@$(MAKE) $(TWO) --keep-going units guests packages

quick: ## lint, types, walls, and the unit tests near what changed
	@scripts/setup.sh test
	@$(MAKE) $(TWO) --output-sync near lint types walls

check: ## lint, format, types, layers, and generated documents
	@scripts/setup.sh test
	@$(MAKE) $(TWO) --output-sync $(CHECKS)

# What these do at the same time takes the time of the longer one: the tests with guests mostly wait,
# have the right of way, and tell in one piece what they found.
TWO := --no-print-directory -j 2
CHECKS := types lint walls written
.PHONY: units guests packages near $(CHECKS)

units:
	nice -n 10 $(PYTHON_BIN) -m pytest -n 2 tests/unit tests/pilot tests/snapshots

guests:
	@mkdir -p build
	$(PYTHON_BIN) -m pytest -n 3 --dist loadfile tests/integration >build/guests.txt 2>&1 \
	  && code=0 || code=$$?; echo; cat build/guests.txt; exit $$code

packages:
	@mkdir -p build
	nice -n 10 scripts/deb-test.sh >build/packages.txt 2>&1 \
	  && code=0 || code=$$?; echo; cat build/packages.txt; exit $$((code == 75 ? 0 : code))

near:
	$(PYTHON_BIN) -m scripts.quick $(ARGS)

lint:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types:
	.venv/bin/mypy --strict

walls:
	.venv/bin/lint-imports

written:
	$(PYTHON_BIN) -m scripts.docs --check

snapshots: ## take the pictures of the screens anew; look at them first
	@scripts/setup.sh test
	$(PYTHON_BIN) -m pytest tests/snapshots --snapshot-update

docs: ## write the generated documents anew
	@scripts/setup.sh test
	$(PYTHON_BIN) -m scripts.docs

bench: ## measure everything, 25 quiet minutes; ARGS are passed on
	@scripts/setup.sh test
	@rm -f bench/results/*.md
	-$(PYTHON_BIN) -m bench $(ARGS)
	-$(PYTHON_BIN) -m bench.scale
	-$(PYTHON_BIN) -m bench.vhostmd
	-$(PYTHON_BIN) -m bench.far
	-$(PYTHON_BIN) -m bench.inside

performance: ## write docs/performance.md from what `make bench` measured
	@scripts/setup.sh test
	$(PYTHON_BIN) -m bench.document

dist: ## wheel and source archive in dist/
	@scripts/setup.sh test
	$(PYTHON_BIN) -m pip install --quiet --disable-pip-version-check build
	$(PYTHON_BIN) -m build

deb: ## dist/vconsole_*.deb for the Debian or Ubuntu this runs on
	scripts/deb.sh

deb-test: ## try the .deb in fresh chroots; ARGS="bookworm trixie"
	scripts/deb-test.sh $(ARGS)

rpm: ## dist/vconsole-*.rpm, where rpmbuild is
	scripts/rpm.sh

pyz: ## dist/vconsole.pyz: one file, the distribution's Python runs it
	@scripts/setup.sh run
	$(PYTHON_BIN) -m scripts.pyz

site: ## the documents as a site in build/site; dead links are errors
	@[[ -x .venv-site/bin/mkdocs ]] || { python3 -m venv .venv-site && .venv-site/bin/pip install \
	  --quiet --disable-pip-version-check 'mkdocs-material>=9.5,<10' 'mkdocs<2'; }
	@NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build 2>&1 | { ! grep -E "WARNING|ERROR|Aborted"; }  # --quiet lets links dangle

test-lowest: ## the tests with the oldest libraries allowed; compiles some
	scripts/lowest.sh $(ARGS)

install: ## system-wide: PREFIX=/usr/local DESTDIR= SYSCONFDIR=/etc
	scripts/install.sh

uninstall: ## take it away again, but for the configuration
	scripts/install.sh --uninstall

clean: ## forget everything that can be made again, .venv too
	rm -rf .venv .venv-lowest .venv-site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache snapshot_report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -nE 's/^([a-z-]+): ## (.*)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18
