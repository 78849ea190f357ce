# Airflow in its own environment. `-include services/*.mk` in the Makefile brings these targets.
AIRFLOW_PORT ?= 8080
.PHONY: airflow airflow-stop airflow-test airflow-lock

airflow: .venv/run.stamp ## the DAG on a real Airflow, on 127.0.0.1:$AIRFLOW_PORT, in .venv-airflow
	@$(SETTINGS) $(BIN)/python -m services.airflow start $(AIRFLOW_PORT)

airflow-stop: ## end that Airflow
	@$(PYTHON) -m services.airflow stop

airflow-test: .venv/run.stamp ## the tests of the DAG, in .venv-airflow
	@sh tests/airflow/run.sh

airflow-lock: .venv/bin/uv
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra kafka --extra azure --extra mongo pyproject.toml lock/airflow.in -o lock/airflow.txt
