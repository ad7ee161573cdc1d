"""The same script through Keras and through keras2torch, number by number."""
