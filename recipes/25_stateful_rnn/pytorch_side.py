"""An LSTM reads a long text in pieces: the state is a variable of the loop."""

import unicodedata

import numpy as np
import torch
from torch import nn

# %% data: 16 readers, each gets the next 20 letters of its own part of the text
text = " ".join(unicodedata.name(chr(i)) for i in range(0x2190, 0x2300))
letters = sorted(set(text))
numbers = torch.tensor([letters.index(letter) for letter in text])


def pieces(numbers):
    many = len(numbers) // (16 * 20)
    parts = numbers[: 16 * many * 20].view(16, many, 20)
    return parts.transpose(0, 1)  # a piece of each reader is a batch


x_train, y_train = pieces(numbers[:8000]), pieces(numbers[1:8001])
x_val, y_val = pieces(numbers[8000:-1]), pieces(numbers[8001:])


# %% model
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(letters), 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.lstm.bias_hh_l0.requires_grad_(False).zero_()  # Keras has one bias
        self.head = nn.Linear(32, len(letters))

    def forward(self, x, state=None):
        outputs, state = self.lstm(self.embedding(x), state)
        return self.head(outputs), state


model = Model()

# %% the same weights on both sides
rng = np.random.default_rng(0)
weights = [w for w in model.parameters() if w.requires_grad]
with torch.no_grad():
    weights[0].copy_(torch.from_numpy(rng.normal(0, 0.3, weights[0].shape)))
    for weight in weights[1:]:
        weight.copy_(torch.from_numpy(rng.normal(0, 0.3, weight.shape[::-1]).T))

# %% train: an epoch starts from zeros, and so does a validation
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(weights, lr=0.2, momentum=0.9)
history = {"loss": [], "val_loss": []}
for epoch in range(5):
    state, losses = None, []
    for inputs, targets in zip(x_train, y_train, strict=True):
        optimizer.zero_grad()
        logits, state = model(inputs, state)
        state = tuple(s.detach() for s in state)
        loss = criterion(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history["loss"].append(sum(losses) / len(losses))
    losses, state = [], None
    with torch.no_grad():
        for inputs, targets in zip(x_val, y_val, strict=True):
            logits, state = model(inputs, state)
            losses.append(criterion(logits.flatten(0, 1), targets.flatten()).item())
    history["val_loss"].append(sum(losses) / len(losses))
    print(f"epoch {epoch + 1}:", {name: round(v[-1], 4) for name, v in history.items()})

# %% letter by letter: one reader, one step
state = None
with torch.no_grad():
    for letter in "RIGHTWARDS ARRO":
        logits, state = model(torch.tensor([[letters.index(letter)]]), state)

# %% results
results = {**history, "letter by letter": logits[0, 0]}
print("RIGHTWARDS ARRO", letters[logits[0, 0].argmax()])
