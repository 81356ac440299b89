"""What commands do once their words are read, with Typer or without."""
