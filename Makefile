# Everything a person or a CI machine does here. `make` alone lists it.

.DEFAULT_GOAL := help
.PHONY: help demo up test check format bench constraints clean

BIN := .venv/bin

# Taken as it was typed: a path may hold spaces, quotes and dollar signs.
override FOOTAGE := $(value FOOTAGE)
export FOOTAGE

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

demo: .venv/.runtime ## show the whole way of a recording, or of yours: make demo FOOTAGE=path/to/file.mp4
	@$(BIN)/reelyard demo $${FOOTAGE:+-- "$$FOOTAGE"}

up: .venv/.runtime ## watch the inbox, work and serve the catalogue until Ctrl-C
	@$(BIN)/reelyard up

test: .venv/.runtime .venv/.test ## install what the tests need, then run them; ARGS="-k captions" picks some
	@.ci/packages redis-server postgresql chromium flite
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.runtime .venv/.test ## lint, types, import rules, and migrations against models
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m models.migrations check

format: .venv/.runtime .venv/.test ## rewrite the code the way `make check` wants it
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/.runtime .venv/.bench ## measure against bare ffmpeg and PySceneDetect; COMPOSITES=folder: what is found too; SEARCH="--listings 1000000": a larger catalogue
	@$(BIN)/python -m bench $(ARGS)
	@$(BIN)/python -m bench.search $(SEARCH)
	@$(BIN)/python -m bench.pages
	@$(BIN)/python -m bench.figures
	@$(if $(COMPOSITES),$(BIN)/python -m bench.scout --shared ../shared --full $(ARGS) $(COMPOSITES))

constraints: ## choose every version anew (needs uv)
	uv pip compile --quiet --upgrade --no-header --no-annotate --universal --python-version 3.11 \
		--group test --group bench pyproject.toml -o constraints.txt

clean: ## remove .venv and caches; your recordings and clips stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The changelog is among them because it holds the version.
.venv/.runtime: pyproject.toml constraints.txt CHANGELOG.md .ci/setup
	@.ci/setup runtime

.venv/.test .venv/.bench: .venv/.%: pyproject.toml constraints.txt .ci/setup | .venv/.runtime
	@.ci/setup $*
