"""Helper classes and functions that generated files carry, one file per family."""
