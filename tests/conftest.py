"""Fixtures for every test. The private servers themselves are started by tests/servers.py."""
