"""Softmax and cross-entropy by hand, then by `F.cross_entropy`."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

# %% logits that are large
images, labels = load_digits(return_X_y=True)
means = np.stack([images[labels == k].mean(axis=0) for k in range(10)])
logits = (images @ means.T - (means**2).sum(axis=1) / 2) / 8
logits = logits.astype("float32")
logits, y = torch.from_numpy(logits), torch.from_numpy(labels)
print("largest logit:", logits.max().item())
print("its exponential:", logits.max().exp().item())

# %% softmax by hand
shifted = logits - logits.amax(dim=1, keepdim=True)
powers = shifted.exp()
p = powers / powers.sum(dim=1, keepdim=True)

# %% log-softmax by hand
log_p = shifted - powers.sum(dim=1, keepdim=True).log()

# %% negative log-likelihood by hand
each = -log_p[torch.arange(len(y)), y]
by_hand = each.mean()

# %% the same in one call
softmax = F.softmax(logits, dim=1)
log_softmax = F.log_softmax(logits, dim=1)
nll = F.nll_loss(log_softmax, y)
loss = F.cross_entropy(logits, y)
print(f"loss {loss.item():.4f}, by hand {by_hand.item():.4f}")

# %% accuracy by hand
accuracy = (logits.argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.4f}")

# %% results
results = {
    "softmax by hand": p[:20],
    "log-softmax by hand": log_p[:20],
    "loss by hand": by_hand,
    "softmax": softmax[:20],
    "log-softmax": log_softmax[:20],
    "nll": nll,
    "loss": loss,
    "accuracy": accuracy,
}
