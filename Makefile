# Everything a person types here; `make help` lists it. Works with GNU make 3.81 and any /bin/sh.

VENV = .venv
PY = $(VENV)/bin/python
CHECK_ENV = DATA_DIR=$(VENV)/check-data ENV_FILE=
PRODUCTION_ENV = $(CHECK_ENV) SITE_URL=https://shop.example.com SECRET_KEY=only-here-to-be-long-enough-for-the-check-0123456789

.PHONY: help run setup demo backup restore test check bench prove clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' $(MAKEFILE_LIST) | while read -r name what; do printf '  make %-7s %s\n' "$$name" "$$what"; done

run: $(VENV)/installed ## start Regulars here; PORT=, HOST=, DATABASE_URL=, REDIS_URL=, EMAIL_URL= say where
	@exec $(PY) manage.py up

setup: $(VENV)/installed ## make the environment and the database, start nothing
	@$(PY) manage.py migrate --verbosity 0

demo: setup ## fill an empty box with an invented shop
	@$(PY) manage.py demo_shop

backup: setup ## make and prove a backup now; BACKUP_DIR= says where
	@$(PY) manage.py backup

restore: $(VENV)/installed ## put a backup in the place of the shop: FILE=; what was there is kept aside
	@$(PY) manage.py restore $(if $(FILE),"$(FILE)")

test: $(VENV)/installed-dev ## run the whole suite; TEST_POSTGRES_URL= runs it on PostgreSQL as well
	@status=0; $(PY) -m pytest $(ARGS) || status=$$?; \
	if [ -n "$$TEST_POSTGRES_URL" ]; then \
		echo "The suite again, on PostgreSQL"; \
		DATABASE_URL="$$TEST_POSTGRES_URL" $(PY) -m pytest -m "not browser and not slow" --ignore=tests/runtime $(ARGS) || status=$$?; \
	fi; exit $$status

check: $(VENV)/installed-dev ## check style, layers, migrations, translations and production settings
	$(PY) -m ruff check .
	$(VENV)/bin/lint-imports --no-cache
	$(CHECK_ENV) $(PY) manage.py makemigrations --check --dry-run
	$(PY) tools/check_translations.py
	$(PRODUCTION_ENV) $(PY) manage.py check --deploy --fail-level WARNING

bench: $(VENV)/installed-dev ## print how fast it is here
	@for file in benchmarks/*.py; do echo "== $$file"; $(PY) $$file || exit 1; done

prove: $(VENV)/installed-dev ## run the slow proofs alone, at the full size the issues ask for
	PROVE=1 SEQUENCES=$${SEQUENCES:-5000} COUPON_TRIES=1000 POINTS_ACTS=1000 $(PY) -m pytest -m slow $(ARGS)

clean: ## remove the environment and what tools left; the data folder stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@sh tools/make_venv.sh $(VENV)

$(VENV)/installed: requirements.txt | $(PY)
	@echo "Installing what Regulars needs (the first time this takes a minute or two)."
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements.txt | $(PY)
	@echo "Installing what the checks need."
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/installed
