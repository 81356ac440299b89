"""Results for a person: findings, keys, pages and tables as lines of text."""
