"""One use case a file: plain arguments in, a value out. No typer, no rich."""
