# `make demo` and `make test` do all their set-up; `make check` is what a contributor runs before a commit.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

# Processes that share the tests; each computes on one thread.
WORKERS ?= 2
TESTS := OMP_NUM_THREADS=1 $(RUN) -m pytest --numprocesses $(WORKERS) --dist loadfile

.PHONY: demo test quick slow check records clean cluster kills

demo: $(VENV)/ready
	$(RUN) -m bench run --suite demo

test: $(VENV)/ready
	$(RUN) -m bench fetch metrics
	$(RUN) -m ruff check .
	$(VENV)/bin/lint-imports
	$(RUN) -m mypy
	$(TESTS) -rs

# Under a minute on two cores: something of every module, between two edits. Only `make test` has the whole.
quick: $(VENV)/ready
	$(TESTS) -m 'not slow and not long'

slow: $(VENV)/ready
	$(RUN) -m bench fetch metrics
	$(RUN) -m pytest -m slow

# Slurm from Debian's packages on this host, as root: a run by job arrays, one of them requeued.
cluster: $(VENV)/ready
	$(RUN) -m tools.cluster

# Twenty minutes on two cores: 300 kills at random moments, nothing lost and nothing computed twice.
kills: $(VENV)/ready
	$(RUN) -m benchmarks.kills

# The methods of suite demo, which README's picture shows.
DEMO = red_diff dps pigdm ddrm ddnm diffpir daps mmps

# What `results/reference` lacks, and the reports from it: hours on two cores. It goes on where it was.
records: $(VENV)/ready
	for suite in linear nonlinear exact exact-full; do \
		$(RUN) -m bench run --suite $$suite --workers 2 --no-report --out results/reference/$$suite && \
		$(RUN) -m bench report --from results/reference/$$suite --out reports/$$suite && \
		$(RUN) -m bench report --from results/reference/$$suite --out reports/$$suite --html || exit 1; \
	done
	$(RUN) -m bench report --from results/reference/linear --task inpaint_box --out build/overview \
		$(foreach row,pinv $(addsuffix -100,$(DEMO)),--solver $(row))
	cp build/overview/grid_inpaint_box.png reports/inpaint_box.png
	$(RUN) benchmarks/claims.py --write
	find results/reference -name '*.jsonl' -exec gzip -9n {} +

check: $(VENV)/ready
	$(RUN) -m bench fetch metrics
	$(RUN) -m ruff format .
	$(RUN) -m ruff check .
	$(VENV)/bin/lint-imports
	$(RUN) -m mypy
	$(TESTS)

$(VENV)/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
