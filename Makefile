# What there is to run; `make help` lists it. Needs python3 (3.11 or later) with venv and pip, nothing else.

PYTHON ?= python3
PORT ?= 8000
VENV = .venv/bin/python
export PORT

.DEFAULT_GOAL := help
.PHONY: help run test test-long audit mutation check format messages bench demo-reset lock python run-packages base-packages test-packages

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: run-packages  ## Set up what is missing and serve the demonstration on http://127.0.0.1:8000 (PORT=8001 changes it)
	@$(VENV) manage.py run_demo

test: test-packages  ## Run everything: static checks, tests on SQLite and PostgreSQL, tests in the browser
	@$(VENV) -m tests.run

test-long: test-packages  ## Open the pages on PostgreSQL too; look at every page in the browser in both languages; try 2,000 generated registers in the policy engine's property tests, on both databases (EXAMPLES=... another number)
	@$(VENV) -m tests.run postgres-pages long-browser long-sqlite long-postgres

audit: test-packages  ## Try at full length all that shows the register to be trustworthy, 10,000 odd requests included, and print one table (ARGS=fuzz: that part)
	@$(VENV) -m tests.thorough $(ARGS)

mutation: test-packages  ## Break the policy engine in each of its parts in turn; every break must fail a test
	@$(VENV) -m tests.mutate $(ARGS)

check: test-packages  ## Run the static checks only
	@$(VENV) -m tests.run check

format: test-packages  ## Format the code
	@$(VENV) -m ruff check --fix --quiet . ; $(VENV) -m ruff format --quiet .

messages: test-packages  ## Collect the texts to translate into locale/ko and compile them (needs gettext)
	@command -v xgettext >/dev/null || { echo "xgettext is missing: install the package gettext."; exit 1; }
	@$(VENV) manage.py makemessages --locale ko --no-location --ignore node_modules --ignore staticfiles --ignore tests --ignore benchmarks --verbosity 0
	@$(VENV) requirements/messages.py

bench: base-packages  ## Measure lists, search, spending and the live check on large data (ARGS="--help" tells the options)
	@$(VENV) -m benchmarks $(ARGS)

demo-reset:  ## Delete the demonstration's database, accounts and password; the next run starts afresh
	@rm -rf .demo
	@echo "The demonstration's data is deleted; make run starts afresh."

lock: test-packages  ## Choose the newest packages that pyproject.toml allows and pin them by hash
	@cd requirements && for extras in "base --extra build" "test --extra build --extra test -c base.txt"; do set -- $$extras; name=$$1; shift; \
	  ../.venv/bin/uv pip compile --quiet --refresh --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" ../pyproject.toml "$$@" -o $$name.txt || exit 1; done
	@cd requirements && ../.venv/bin/npm update --package-lock-only --ignore-scripts

python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or later, or name one: make PYTHON=python3.13 run"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$$($(PYTHON) --version) is too old: install Python 3.11 or later, or name one: make PYTHON=python3.13 run"; exit 1; }

run-packages: python
	@$(PYTHON) requirements/prepare.py run

base-packages: python
	@$(PYTHON) requirements/prepare.py base

test-packages: python
	@$(PYTHON) requirements/prepare.py test
