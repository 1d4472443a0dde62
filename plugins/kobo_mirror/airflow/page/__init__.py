"""The page in Airflow's UI: what a mirror holds, what it lacks, and the buttons that mend it."""
