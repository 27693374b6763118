"""Serving: the triage service, the worker, the command line."""
