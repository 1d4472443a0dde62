"""ADAPTER: hooks, operators, connections, notes of runs and the page; nothing else imports Airflow.

What a task does belongs in ``sync``, and what the page shows is read by ``store``.
"""
