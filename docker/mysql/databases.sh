#!/bin/bash
# Run once by the MySQL image on an empty data directory: the databases beside `kobo`, each with a user of its own.
set -euo pipefail

MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --user=root <<SQL
CREATE DATABASE kobo_test;
CREATE USER 'kobo_test'@'%' IDENTIFIED BY '$MYSQL_TEST_PASSWORD';
-- also kobo_test_…: the tests make databases of their own, and leave kobo_test untouched
GRANT ALL PRIVILEGES ON \`kobo\_test%\`.* TO 'kobo_test'@'%';

CREATE DATABASE airflow COLLATE utf8mb4_unicode_ci;
CREATE USER 'airflow'@'%' IDENTIFIED BY '$MYSQL_AIRFLOW_PASSWORD';
GRANT ALL PRIVILEGES ON airflow.* TO 'airflow'@'%';
SQL
