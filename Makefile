# Everything here runs on a machine that has python3 (3.11 or newer), make and git; the rest is installed into $(VENV).
PYTHON ?= python3
VENV = .venv
REPO = .
WORKERS = 2
SECONDS = 3600

VENV_PYTHON = $(VENV)/bin/python
# -P: the root stays off sys.path, where the room `mailbox` would hide the standard library's module.
PYTEST = $(VENV_PYTHON) -P -m pytest
# Without restarts: whoever schedules the groups waits for ever for what a worker that went down had still to do.
PARALLEL = -n $(WORKERS) --dist=loadgroup --max-worker-restart=0
CHECKED = greenroom tests $(wildcard benchmarks examples)
METADATA = pyproject.toml greenroom/_version.py

.DEFAULT_GOAL := help
# Two pips in one environment would step on each other.
.NOTPARALLEL:
.PHONY: help run fanout test lint format coverage soak mutants bench bench-peers bench-million bench-guard bench-races bench-kit wheel-test lowest-test site bench-lab clean

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*##/make \1:/p' Makefile

run: $(VENV)/.ready-to-run  ## watch a newsroom of supervised agents come up (REPO=path: the repository they read)
	@$(VENV)/bin/greenroom run examples/newsroom/newsroom.toml --repo $(REPO)

fanout: $(VENV)/.ready-to-run  ## watch 200 agents share four MCP servers, be interrupted, and account for it (REPO=path: what they read)
	@$(VENV_PYTHON) examples/fanout/fanout.py $(REPO)

test: $(VENV)/.ready-to-test  ## run all the tests
	@$(PYTEST) $(PARALLEL)

lint: $(VENV)/.ready-to-develop  ## run the linter, the formatter's check and both type checkers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV_PYTHON) -m mypy $(CHECKED)
	@$(VENV_PYTHON) -m pyright --pythonpath $(VENV_PYTHON)

format: $(VENV)/.ready-to-develop  ## format the code, and mend what the linter can mend
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

coverage: $(VENV)/.ready-to-test  ## run all the tests and report branch coverage, folder by folder
	@$(VENV_PYTHON) -P -m coverage run -m pytest
	@for folder in mailbox actors supervisor greenroom; do \
		echo "== $$folder"; $(VENV_PYTHON) -m coverage report --include="$$folder/*"; \
	done

soak: $(VENV)/.ready-to-test  ## explore races and properties for an hour (SECONDS=3600), from new seeds, and sum up
	@$(VENV_PYTHON) -P tests/soak.py --seconds $(SECONDS) --workers $(WORKERS)

mutants: $(VENV)/.ready-to-test  ## break the code in small ways; each break must fail a test
	@$(VENV_PYTHON) -P tests/mutants.py --workers $(WORKERS)

bench: $(VENV)/.ready-to-test  ## measure against hand-written Trio
	@$(VENV_PYTHON) -m benchmarks

bench-peers: $(VENV)/.ready-to-test  ## measure next to asyncio, uvloop and eight actor libraries, which get an environment of their own (.venv-peers)
	@$(VENV_PYTHON) -m benchmarks.peers

bench-million: $(VENV)/.ready-to-test  ## start a million idle actors in one process, and measure what they cost (6 GB of memory)
	@$(VENV_PYTHON) -m benchmarks.million

bench-guard: $(VENV)/.ready-to-test  ## see in a minute that nothing has become much slower, next to hand-written Trio
	@$(VENV_PYTHON) -m benchmarks.guard

bench-races: $(VENV)/.ready-to-test  ## measure how soon races are found, and that what is found can be seen again anywhere
	@$(VENV_PYTHON) -m benchmarks.finding

bench-lab: $(VENV)/.ready-to-test  ## measure how fast the lab is: seconds and crashes of a trial in a second of real time
	@$(VENV_PYTHON) -m benchmarks.lab

bench-kit: $(VENV)/.ready-to-test  ## measure all that the race kit promises, row by row, against its goals (half an hour)
	@$(VENV_PYTHON) -m benchmarks.kit

wheel-test: $(VENV)/.ready-to-test  ## run the tests against the installed wheel, from an empty folder
	@$(VENV_PYTHON) -P tests/house/installed.py

lowest-test: $(VENV)/.ready-to-test  ## the same, with every dependency at its lower bound
	@$(VENV_PYTHON) -P tests/house/installed.py --lowest

site: $(VENV)/.ready-to-document  ## build the documentation as a site, into site/html, and check its links; a warning is an error
	@$(VENV_PYTHON) -P -m sphinx --quiet --fail-on-warning --fresh-env --jobs $(WORKERS) -b html -d site/doctrees docs site/html
	@$(VENV_PYTHON) -P docs/check_links.py site/html
	@echo "greenroom: the site is in site/html; open site/html/index.html"

clean:  ## remove all that make has made
	rm -rf $(VENV) .venv-peers build dist site *.egg-info .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: an environment is made once, and installed into again when the metadata changes.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "greenroom: no $(PYTHON) here; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "greenroom: $(PYTHON) is older than 3.11; install a newer Python, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "greenroom: $(PYTHON) has no venv module; install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "greenroom: making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.ready-to-run: EXTRA = newsroom
$(VENV)/.ready-to-test: EXTRA = test
$(VENV)/.ready-to-develop: EXTRA = dev
$(VENV)/.ready-to-document: EXTRA = docs
$(VENV)/.ready-to-run $(VENV)/.ready-to-test $(VENV)/.ready-to-develop $(VENV)/.ready-to-document: $(VENV)/.made $(METADATA)
	@echo "greenroom: installing what it needs into $(VENV) (a minute or two, the first time)"
	@# -qq and no warnings: setuptools warns of editable installs as such, pip of the machine's settings; errors still show.
	@PYTHONWARNINGS=ignore $(VENV_PYTHON) -m pip install -qq --disable-pip-version-check --editable '.[$(EXTRA)]'
	@touch $@
