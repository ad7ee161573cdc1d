"""Embeddings whose gradient torch would sum too early."""

import torch
import torch.nn.functional as F
from torch import nn


class LookUps(torch.autograd.Function):
    """Hands a table on; its gradient keeps the look-ups of a row apart.

    Where a table is used twice torch adds the gradients, and equal rows with them,
    unless their values are strided (and fewer than the table has numbers).
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, table: torch.Tensor
    ) -> torch.Tensor:
        return table.view_as(table)

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, gradient: torch.Tensor
    ) -> torch.Tensor:
        values = gradient._values()
        apart = values.new_empty(*values.shape, 2)[..., 0].copy_(values)
        return torch.sparse_coo_tensor(
            gradient._indices(),
            apart,
            gradient.shape,
            is_coalesced=False,
            check_invariants=False,
        )


class SparseEmbedding(nn.Embedding):
    """An embedding whose gradient is the rows that were looked up, each by itself.

    So Keras' optimizers see it: they square each row, not the sum of equal ones.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.embedding(x, LookUps.apply(self.weight), sparse=True)


class TwoWayEmbedding(nn.Embedding):
    """An embedding with a second table, ``reverse``, for the way back to words."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__(num_embeddings, embedding_dim)
        self.reverse = nn.Parameter(torch.empty_like(self.weight).uniform_(-0.05, 0.05))
