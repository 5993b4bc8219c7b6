"""The real servers of a one-machine install: PostgreSQL, Valkey and an S3 store, from their wheels.

Nothing imports this package but the command line (`config.cli`, `manage.py`) and the test run. It
knows nothing about Django. Read `installation.py` first: it owns the order of starting and stopping.
"""
