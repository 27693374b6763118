"""Metrics, one per file; every share comes with its n and a 95 % interval."""
