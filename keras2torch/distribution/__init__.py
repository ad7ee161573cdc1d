"""Several processes, and Keras' names for them."""
