# Two commands for everybody: `make demo` and `make test`. They need Python >= 3.11 and a shell; the rest comes by itself.
# `make` alone lists the others.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test check shape bench docs setup lock clean

# Some images set this. Then each of the many processes of a test run, or of the demo, compiles everything once more,
# which takes longer than all else that it does at its start.
unexport PYTHONDONTWRITEBYTECODE

# Another interpreter: make PYTHON=/path/to/python3.12 ...
PYTHON ?=
ARGS ?=
# One more than two cores have work for: a test of a whole system waits most of the time.
WORKERS ?= 3
BIN := .venv/bin

define SETUP
for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
    exec "$$python" scripts/setup.py $(1); \
  fi; \
done; \
echo "Croupier needs Python 3.11 or newer, and $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>&1 | head -n 1)." >&2; \
echo "Install one, or name one: make PYTHON=/path/to/python3.12 ..." >&2; \
exit 1
endef

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Watch three releases of a small casino roll out, and two of them come back (ARGS=--keep leaves it running)
	@$(call SETUP,--demo)
	@$(BIN)/croupier demo $(ARGS)

test: setup ## Run every test, and the checks beside them
	@$(BIN)/python scripts/run_tests.py --workers $(WORKERS) --beside "$(MAKE) --no-print-directory check" $(ARGS)

check: setup ## Style, types, import contracts, generated pages
	@status=0; \
	for check in "ruff check ." "ruff format --check ." mypy "lint-imports --no-logo" \
	  "python scripts/generate_docs.py --check"; do \
	  echo "$$check"; $(BIN)/$$check || status=1; \
	done; \
	exit $$status

shape: setup ## Print the sizes of modules and functions
	@$(BIN)/python scripts/shape.py

bench: setup ## Measure what the documentation claims (ARGS=name for one)
	@$(BIN)/python scripts/bench.py $(ARGS)

docs: setup ## Write the generated pages and build the site into site/
	$(BIN)/python scripts/generate_docs.py
	$(BIN)/python scripts/build_assets.py --docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

setup: ## Make .venv ready (the other commands do this by themselves)
	@$(call SETUP,)

lock: setup ## Resolve the dependencies again (ARGS=--upgrade for newer versions)
	@$(BIN)/python scripts/lock.py $(ARGS)

clean: ## Remove what was built, .venv too
	rm -rf .venv build dist site node_modules htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache src/croupier/server/web/static/vendor docs/assets/vendor
