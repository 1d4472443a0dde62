"""PAGE: Kobo Mirror in Airflow's UI: what a mirror holds and lacks, shown in two languages and as endpoints.

It reads the database by ``store`` and starts runs; what asks KoboToolbox or writes belongs in a task.
"""
