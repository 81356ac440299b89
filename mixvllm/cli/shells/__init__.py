"""Completion: the scripts of the shells, and what is offered to them."""
