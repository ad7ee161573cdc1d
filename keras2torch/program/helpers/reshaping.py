"""Reshaping that torch lacks, as it stands in generated files."""
