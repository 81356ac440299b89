"""Values that every layer shares. Standard library only; nothing here does I/O."""
