"""What Keras has and the shim has not, or has with other arguments, by name."""

# A name, or a beginning of names with a star → why it is not here.
MISSING: dict[str, str] = {}

# A name → why its arguments are not Keras'.
OTHERWISE: dict[str, str] = {}
