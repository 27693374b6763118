"""Tasks: one render/parse pair each, used by training and serving alike."""
