"""Dataset versions: immutable, redacted, split without leaks, named by the hash of their content."""
