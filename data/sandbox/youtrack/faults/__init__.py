"""Faults on purpose: what a tracker, a proxy and a network do to a client on a bad day."""
