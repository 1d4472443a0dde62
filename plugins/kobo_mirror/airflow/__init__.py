"""ADAPTER: hooks, operators and connections for Airflow; the only place that imports it."""
