"""The store port on SQL: what is kept and how it is asked for, and SQLite as the first of the databases."""
