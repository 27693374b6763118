"""Tickets, the tracker, the store, redaction and datasets: what everything else stands on."""
