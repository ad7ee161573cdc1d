"""PyTorch replacements for layers that have no rule, registered by the user."""

from keras2torch.plugins.registry import (
    Replacement,
    active,
    find,
    register,
    unregister,
    using,
)

__all__ = ["Replacement", "active", "find", "register", "unregister", "using"]
