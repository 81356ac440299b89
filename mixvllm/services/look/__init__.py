"""Looks at what a profile leads to, before the rules run: files, the model, this machine."""
