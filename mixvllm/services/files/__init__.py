"""Files that commands write: new ones, and profiles in place of the old ones."""
