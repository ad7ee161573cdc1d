"""Steps of one's own are lines of the loop: a GAN, and distillation."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% data: digits, and noise for the generator
x, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
noise = torch.tensor(rng.normal(size=(len(x), 8)), dtype=torch.float32)
known = LogisticRegression(max_iter=200).fit((x / 16).astype("float32"), y)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x, y, noise), batch_size=128)


# %% networks with the same weights on both sides
@torch.no_grad()
def network(*sizes):
    model = nn.Sequential(nn.Linear(*sizes[:2]), nn.ReLU(), nn.Linear(*sizes[1:]))
    for weight in model.parameters():
        weight.copy_(torch.from_numpy(rng.normal(0, 0.2, weight.shape[::-1]).T))
    return model


generator, critic = network(8, 32, 64).append(nn.Sigmoid()), network(64, 32, 1)
teacher = nn.Linear(64, 10).requires_grad_(False)
taught = {"weight": known.coef_, "bias": known.intercept_}
teacher.load_state_dict({name: torch.from_numpy(w) for name, w in taught.items()})

# %% GAN: two optimizers
critic_optimizer = torch.optim.SGD(critic.parameters(), 0.05, momentum=0.5)
generator_optimizer = torch.optim.SGD(generator.parameters(), 0.2, momentum=0.5)
bce = nn.BCEWithLogitsLoss()

# %% GAN: train
adversaries = []
for _epoch in range(3):
    losses = []
    for real, _, noises in loader:
        yes, no = torch.ones_like(noises[:, :1]), torch.zeros_like(noises[:, :1])
        fake = generator(noises).detach()
        critic_loss = bce(critic(real), yes) + bce(critic(fake), no)
        critic_optimizer.zero_grad()  # the generator's backward left some here
        critic_loss.backward()
        critic_optimizer.step()
        generator_loss = bce(critic(generator(noises)), yes)
        generator_optimizer.zero_grad()
        generator_loss.backward()
        generator_optimizer.step()
        losses.append([critic_loss.item(), generator_loss.item()])
    adversaries.append(np.mean(losses, axis=0))

# %% distillation: the loss asks a teacher
student = network(64, 16, 10)
optimizer = torch.optim.SGD(student.parameters(), lr=0.05)

# %% distillation: train
distilled = []
for _epoch in range(3):
    total = 0.0
    for inputs, labels, _ in loader:
        logits, expert = student(inputs), teacher(inputs)
        hard = F.cross_entropy(logits, labels)
        wanted, given = F.softmax(expert / 4, 1), F.log_softmax(logits / 4, 1)
        soft = F.kl_div(given, wanted, reduction="batchmean")
        loss = 0.3 * hard + 0.7 * 4**2 * soft
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    distilled.append(total / len(x))

# %% results
results = dict(zip(["critic", "generator"], np.transpose(adversaries), strict=True))
results |= {"distilled": distilled, "digits": generator(noise[:2])}
print("critic and generator:", adversaries, "student:", distilled)
