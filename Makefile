# Two commands do all the set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
export PYTHONUNBUFFERED := 1
TESTS ?=
REFERENCE ?= examples/clips/anna_reference.mp4
MINUTES ?= 10

.DEFAULT_GOAL := help
.PHONY: help demo test style quality bench examples clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(RUNTIME) ## install what is needed and open the page on localhost
	$(BIN)/python app.py

test: $(DEV) ## install what is needed and run the tests (TESTS="tests/test_cli.py -k train" for some)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

style: $(DEV) ## format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

quality: $(DEV) ## check style without touching anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(DEV) ## speed, memory, loading, marks and quality at equal minutes (REFERENCE=clip.mp4 MINUTES=10)
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.loading
	$(BIN)/python -m benchmarks.marks
	$(BIN)/python -m benchmarks.quality $(REFERENCE) --minutes $(MINUTES)

examples: $(DEV) ## render the synthetic reference and driving clips anew
	$(BIN)/python -m examples.render

clean: ## remove the virtual environment
	rm -rf $(VENV)

# The virtual environment is made once; a stamp is older than its requirements only when they changed.
$(BIN)/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
		{ echo "perfclone needs Python 3.11 or 3.12; say which with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module is incomplete; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(RUNTIME): requirements.txt | $(BIN)/python
	$(PIP) install -r requirements.txt
	@# Both builds of cv2 share one folder: the headless one goes on top, so that no libGL is wanted.
	$(PIP) install --force-reinstall --no-deps $$(grep '^opencv-python-headless==' requirements.txt)
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME) | $(BIN)/python
	$(PIP) install -r requirements-dev.txt
	@touch $@
