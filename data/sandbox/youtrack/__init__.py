"""A stand-in for YouTrack over HTTP: the part of its API that sync, triage and write-back need."""
