# `make help` lists the commands. Everything lives in .venv, node_modules and out; `make clean` removes them.
#
# PYTHON=python3.12   the interpreter to make .venv from (3.10 or newer)
# LAB=no              `make demo` ends after the terminal part
# TORCH_INDEX=URL     where to take torch from, e.g. a CPU-only index: on Linux the default build of torch
#                     brings several GB of CUDA libraries, whether or not there is a GPU
# WORKERS=2           how many processes run the tests

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
LAB ?= yes
TORCH_INDEX ?=
WORKERS ?= 2
CHROMIUM ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

WINDOWS := $(if $(wildcard package.json),semlens_widgets/static/.built)
SCRIPTS := semlens_widgets/palette.json semlens_widgets/format.json $(shell find js -type f ! -name '*.py' ! -name tokens.css 2>/dev/null)

.PHONY: help demo test docs test-kernels test-kernel test-oldest bench lint types windows-test chromium picture clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22
	@for file in $(BENCHMARKS); do printf '  make bench-%s\n' "$$(basename $$file .py)" | expand -t 22; done

demo: .venv/for-use ## the main job on the embedded demo, then JupyterLab on the quickstart (LAB=no: without)
	$(BIN)/python -m semlens_widgets.demo
ifneq ($(LAB),no)
	$(BIN)/jupyter lab --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) --LabApp.default_url=/lab/tree/notebooks/quickstart.ipynb
endif

# pytest comes last, so that the output ends with its count of tests.
test: .venv/for-test lint types windows-test chromium ## lint, types, all tests, notebooks, the wheel; installs what it needs
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# Pages whose own code makes their pictures and windows are run first; then warnings are errors, and every link is followed.
docs: .venv/for-docs $(WINDOWS) ## the pages of docs/ as a site, in docs/_build/html
	rm -rf docs/_build && mkdir docs/_build && touch docs/_build/began
	$(BIN)/python docs/pages.py
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/links.py docs/_build/html
	$(BIN)/python docs/summary.py docs/_build/html

# The engine as other processors compute it: torch, oneDNN and OpenBLAS take the kernels that are named, with one and two
# threads, and once beside two busy loops. Windows, figures and notebooks compute nothing of their own.
ENGINE := --ignore=tests/e2e --ignore=tests/wheel --ignore=tests/figures $(addprefix --ignore=,$(wildcard \
	tests/test_figures*.py tests/test_widgets*.py tests/test_notebooks.py tests/test_readme.py tests/test_page.py))
KERNELS := \
	OMP_NUM_THREADS=1,ATEN_CPU_CAPABILITY=default,ONEDNN_MAX_CPU_ISA=SSE41,OPENBLAS_CORETYPE=Nehalem \
	OMP_NUM_THREADS=2,ATEN_CPU_CAPABILITY=avx2,OPENBLAS_CORETYPE=Haswell \
	OMP_NUM_THREADS=2,BESIDE_BUSY_LOOPS=2
comma := ,

test-kernels: .venv/for-test ## the engine's tests with the kernels of other processors and on a busy machine (long)
	@$(foreach kernel,$(KERNELS),$(MAKE) --no-print-directory test-kernel KERNEL='$(subst $(comma), ,$(kernel))';)

test-kernel: .venv/for-test
	@echo '$(KERNEL)'
	@for (( n = 0; n < $(or $(patsubst BESIDE_BUSY_LOOPS=%,%,$(filter BESIDE_BUSY_LOOPS=%,$(KERNEL))),0); n++ )); do \
		( while kill -0 $$$$ 2>/dev/null; do :; done ) & done; \
	env $(KERNEL) $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(ENGINE)

# The lower bounds of pyproject.toml, all at once, on the oldest Python, in an environment of their own. The windows are
# built beforehand; the tests are those of the engine's main jobs, and see the wheel, not this folder.
OLDEST_PYTHON ?= python3.10
OLDEST := out/oldest
TOOLS := pytest pytest-timeout beartype hypothesis scikit-learn torchvision markdown-it-py html5lib
SMOKE := $(addprefix tests/test_,$(addsuffix .py,vectors store clip images model search describe evaluate compare audit \
	explain relevance effect layout lens page report figures_of_verbs widgets embedded))

test-oldest: .venv/for-test $(WINDOWS) ## the engine's main tests on the oldest Python and dependencies (several GB)
	rm -rf $(OLDEST) && mkdir -p $(OLDEST)
	$(BIN)/python tests/oldest.py > $(OLDEST)/constraints.txt
	$(OLDEST_PYTHON) -m venv $(OLDEST)/venv
	$(BIN)/python -m build --wheel --outdir $(OLDEST) .
	$(OLDEST)/venv/bin/python -m pip install --quiet -c $(OLDEST)/constraints.txt $(OLDEST)/*.whl $(TOOLS)
	$(OLDEST)/venv/bin/pytest -q -p no:cacheprovider $(SMOKE)

lint: .venv/for-test
	$(BIN)/ruff check .
	$(BIN)/codespell

# The numpy of Python 3.10 has no defaults for the parameters of ndarray: there a plain `ndarray` would be an error.
types: .venv/for-test
	$(BIN)/mypy $$($(BIN)/python -c 'import sys; print("--allow-any-generics" * (sys.version_info < (3, 11)))')

windows-test: $(WINDOWS)
ifneq ($(WINDOWS),)
	npm run check
	npm test
endif

# The browser tests drive a Chromium they find on the PATH, or the one CHROMIUM names.
chromium:
ifneq ($(WINDOWS),)
	@find_chromium() { command -v "$${CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome; }; \
	find_chromium >/dev/null && exit 0; \
	if command -v apt-get >/dev/null; then \
		as_root=; [ "$$(id -u)" = 0 ] || as_root='sudo -n'; \
		echo 'Installing Chromium for the browser tests with apt-get'; \
		{ $$as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends chromium; } >/dev/null || true; \
	fi; \
	find_chromium >/dev/null || { echo 'The browser tests need Chromium and it could not be installed here. Install the package "chromium", or name a Chromium or Chrome binary: make test CHROMIUM=/usr/bin/google-chrome' >&2; exit 1; }
endif

BENCHMARKS := $(sort $(filter-out tests/benchmarks/_%,$(wildcard tests/benchmarks/*.py)))

bench: $(patsubst tests/benchmarks/%.py,bench-%,$(BENCHMARKS)) ## the tables of every benchmark below, one after the other

# The peers come beside what the tests need: many benchmarks measure in a browser, or on the tests' own data.
bench-%: tests/benchmarks/%.py .venv/for-bench chromium
	$(BIN)/python $<

picture: .venv/for-test chromium ## the README's pictures, as new screenshots
	README_PICTURE=notebooks/window.png README_FILE_PICTURE=notebooks/file.png \
		$(BIN)/python -m pytest -q tests/e2e/test_quickstart.py tests/e2e/test_lab.py -k picture

clean: ## remove everything the commands made
	rm -rf .venv node_modules out dist build .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf semlens_widgets/static semlens_widgets/labextension docs/_build docs/made docs/extra docs/project docs/tutorials
	find semlens_widgets tests js -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the commands stand on; each file below is remade only when what it depends on has changed ---

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit(f"Python 3.10 or newer is needed; {sys.executable} is {sys.version.split()[0]}. Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

# torch by itself first, so that TORCH_INDEX concerns torch alone and the step below finds it in place.
.venv/torch: .venv/pyvenv.cfg
	@echo 'Installing torch: on Linux its default build is several GB (TORCH_INDEX=URL takes another)'
	$(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch torchvision
	@touch $@

.venv/for-use: .venv/torch pyproject.toml $(WINDOWS)
	$(PIP) install -e .
	@touch $@

.venv/for-test: .venv/for-use
	$(PIP) install -e '.[test]'
	@touch $@

.venv/for-docs: .venv/for-use
	$(PIP) install -e '.[docs]'
	@touch $@

.venv/for-bench: .venv/for-test
	$(PIP) install -e '.[bench]'
	@touch $@

node_modules/.ready: package-lock.json package.json
	@command -v npm >/dev/null || { echo 'Building the windows from a checkout needs Node 20 and npm 10 or newer; there is no npm on the PATH. Install Node, or install a released wheel: pip install semlens-widgets' >&2; exit 1; }
	npm ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

semlens_widgets/static/.built: $(SCRIPTS) node_modules/.ready
	npm run build
	@mkdir -p $(@D) && touch $@
