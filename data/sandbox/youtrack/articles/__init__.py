"""The knowledge base: articles in a tree, with comments, files, tags and their own change feed."""
