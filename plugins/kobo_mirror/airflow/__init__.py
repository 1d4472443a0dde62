"""ADAPTER: hooks, operators, connections and the page for Airflow; the only place that imports it."""
