# Two commands do the main work: `make run` and `make test`. Both set up .venv first, once.

IS_SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# The first Python on the path that the course can run on; or say which: make PYTHON=/path/to/python3.12
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(IS_SUPPORTED)' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
# Of each process. Two tests or notebooks run at a time on two cores, so one; results hold with others: make test THREADS=2
THREADS ?= 1
WITH_THREADS := $(foreach name,OMP_NUM_THREADS OPENBLAS_NUM_THREADS TF_NUM_INTRAOP_THREADS TF_NUM_INTEROP_THREADS,\
	$(name)=$(THREADS))
# As they were typed, and through the environment: neither make nor the shell reads anything into them.
override export REPO := $(value REPO)
override export NOTEBOOKS := $(value NOTEBOOKS)

.DEFAULT_GOAL := help
.PHONY: help setup run slides test lint unit integration nbval lab save student class readme colab benchmark margins \
	test-browser test-slow test-environment test-oldest clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:
	@test -n "$(PYTHON)" || { echo "set-up: no Python 3.11 to 3.13 on the path. Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) tools/setup.py

run: setup  ## execute every notebook in a fresh kernel and make the site in build/course/
	@$(PY) tools/run.py

slides: setup  ## write a deck of each chapter that `make run` has executed to build/slides/
	@$(PY) tools/slides.py

test: setup lint unit integration nbval  ## style, types, tests, notebook rules, and every notebook compared

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# What is compiled is kept, whatever the environment says: the tests' assertions take 8 s a process. tests/without
# hides what nbval's plugin would load in each process, two seconds long, and no unit test needs.
unit: setup
	PYTHONDONTWRITEBYTECODE= PYTHONPATH=tests/without $(WITH_THREADS) $(PY) -m pytest -n 2 --doctest-modules \
		-m "not slow and not benchmark and not browser and not integration" course_utils tests

# Of the files that have such tests, since collecting all takes half a minute.
integration: setup
	PYTHONDONTWRITEBYTECODE= $(WITH_THREADS) $(PY) -m pytest -n 2 --dist loadscope -m "integration and not slow" \
		$$(grep -l pytest.mark.integration tests/*.py)

nbval: setup
	$(WITH_THREADS) $(PY) -m pytest -n 2 --dist loadscope --nbval --durations=5 notebooks

lab: setup  ## open the course in JupyterLab
	$(PY) -m jupyter lab notebooks

save: setup  ## run notebooks and store their outputs: make save NOTEBOOKS="01_softmax"
	@$(PY) tools/run.py --save $$NOTEBOOKS
	@$(PY) tools/readme.py --no-times

student: setup  ## write copies of the notebooks without solutions to build/student/
	@$(PY) tools/student.py

class: setup  ## write a course folder for nbgrader to build/class/
	@$(PY) tools/class_material.py

readme: setup  ## take README's table and the stated run times from the last `make run`
	@$(PY) tools/readme.py

colab: setup  ## write the repository's address into badges and set-up cells: make colab REPO=owner/name
	@$(PY) tools/colab.py "$$REPO"
	@$(PY) tools/readme.py --no-times

benchmark: setup  ## measure speed against the libraries, as ratios
	@for b in benchmarks/*.py; do echo "== $$b"; $(PY) $$b || exit 1; done
	$(PY) -m pytest -m benchmark benchmarks/*.py tests

margins: setup  ## how far live trainings lie from what is asserted of them: make margins RUNS="--chapter 07 --jobs 4"
	@$(PY) tools/margins.py $(RUNS)

test-browser: setup  ## pages, decks and JupyterLab in a real browser (needs Chromium)
	$(WITH_THREADS) $(PY) -m pytest -m browser tests/browser

test-slow: setup  ## the tests that take minutes
	$(PY) -m pytest -m slow --timeout=5400 --session-timeout=28800 tests

test-environment: setup  ## install what environment.yml installs with pip into a fresh environment
	$(PY) -m pytest -m slow --timeout=1800 tests/test_environment.py

test-oldest: setup  ## unit tests and notebooks on the oldest admitted versions
	@$(WITH_THREADS) $(PY) tools/oldest.py

clean:  ## remove the virtual environments and everything built
	rm -rf .venv .venv-oldest build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
