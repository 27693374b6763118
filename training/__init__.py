"""Training: recipes that turn a dataset into a registered bundle."""
