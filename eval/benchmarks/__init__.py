"""Measurements that back the promises: each prints a table, and JSON with `--json`."""
