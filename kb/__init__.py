"""Knowledge: articles, resolution patterns and the search over them."""
