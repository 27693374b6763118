"""Resolution patterns, run: what comes next (pure), doing it, and the command line."""
