# Python and make are all that this needs.
# `make lab` opens the lessons, `make run` executes them all, `make test` proves them, `make site`
# makes pages of them, `make check` looks at this machine anew. Each sets up what it needs. Options:
#   PYTHON=python3.12     the Python to build .venv with
#   TORCH=cpu             Linux without an NVIDIA card: spare the gigabytes of CUDA libraries
#   LAB_FLAGS="..."       passed on to JupyterLab, such as --no-browser

PYTHON ?= python3
TORCH ?=
LAB_FLAGS ?=
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
PROFILE := $(or $(ACTIVECL_PROFILE),laptop)
CHECKED := $(VENV)/.checked-$(PROFILE)
# The tested set of versions lacks wheels for Macs with an Intel processor: there the newest that has.
PINS := $(if $(filter Darwin-x86_64,$(shell uname -s)-$(shell uname -m)),--prefer-binary,-c constraints.txt)
KIT := $(shell find activecl_nb results/laptop -name '*.py' -o -name 'run.json')

.PHONY: help lab check run site test lint lowest notebooks results bench clean
help:
	@sed -n '1,6p' Makefile

# The kit and what lessons need, nothing else.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and \
	  f"this kit needs Python 3.10 or newer, not {sys.version.split()[0]}; say PYTHON=...")'
ifneq ($(TORCH),cpu)
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null; then \
	  echo "no NVIDIA card is seen here: \`make lab TORCH=cpu\` would spare gigabytes of CUDA"; \
	  echo "libraries (it asks download.pytorch.org, not PyPI alone); Ctrl-C now if you want that"; fi
endif
	@echo "[1/4] making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "[2/4] installing the kit and what it needs (minutes, the first time)"
ifeq ($(TORCH),cpu)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip install --python $(BIN)/python --torch-backend cpu -c constraints.txt torch torchvision
endif
	@$(BIN)/python -m pip install --quiet --progress-bar on $(PINS) -e .
	@touch $(READY)

# On top of it, what tests and changes of the kit need.
$(READY_TO_TEST): $(READY)
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --progress-bar on $(PINS) -e ".[test]"
	@touch $(READY_TO_TEST)

$(CHECKED): $(READY) $(KIT)
	@echo "[3/4] drawing the embedded tissue (kept for the next time)"
	@$(BIN)/python -m activecl_nb prepare
	@echo "[4/4] checking this machine"
	@$(BIN)/python -m activecl_nb check
	@touch $(CHECKED)

check:
	@rm -f $(CHECKED)
	@$(MAKE) --no-print-directory $(CHECKED)

lab: $(CHECKED)
	@echo "opening JupyterLab; stop it with Ctrl-C"
	@$(BIN)/jupyter lab --ServerApp.root_dir=. \
	  --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_FLAGS)

run: $(READY)
	@$(BIN)/python notebooks/run.py --out build/run

site: $(READY)
	@$(BIN)/python -m activecl_nb site build/site

notebooks: $(READY)
	@$(BIN)/python notebooks/run.py --store

lint: $(READY_TO_TEST)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

test: lint
	@$(BIN)/python -m activecl_nb prepare --profile tiny
	@ACTIVECL_PROFILE=tiny $(BIN)/python -m pytest tests notebooks \
	  --nbval-lax --nbval-current-env -n $(JOBS) --dist loadfile

results: $(READY)
	@$(BIN)/python results/make.py

# The lower bounds of pyproject.toml are true: the quick tests with the lowest direct versions.
lowest: $(READY)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/lowest
	@$(BIN)/uv pip install --quiet --python build/lowest --resolution lowest-direct -e ".[test]"
	@ACTIVECL_PROFILE=tiny build/lowest/bin/python -m pytest tests -m "not slow" \
	  --ignore tests/browser --ignore tests/notebooks -n $(JOBS) --dist loadfile

bench: $(READY)
	@$(BIN)/python benchmarks/run.py

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache
