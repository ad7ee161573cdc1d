"""Counting weights, a table of layers, a picture of the graph."""

import torch
import torchinfo
from torch import nn


# %% model: a frozen layer, a shared one, a sum
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding="same", bias=False)
        self.norm = nn.BatchNorm2d(8, momentum=0.01, eps=1e-3)
        self.relu = nn.ReLU()
        self.block = nn.Conv2d(8, 8, 3, padding="same")
        self.head = nn.Linear(8, 10)

    def forward(self, image):
        t = self.relu(self.norm(self.stem(image)))
        t = t + self.block(self.block(t))
        return self.head(t.mean(dim=(2, 3)))


model = Net()
model.stem.requires_grad_(False)


# %% counting
def statistics(module):
    """What Keras counts as weights, and PyTorch keeps as buffers."""
    return [b for b in module.buffers() if b.is_floating_point()]


def count(weights):
    return sum(w.numel() for w in weights)


everything = [*model.parameters(), *statistics(model)]
counts = {
    "all": count(everything),
    "trainable": count(p for p in model.parameters() if p.requires_grad),
    "not trainable": count(w for w in everything if not w.requires_grad),
}
by_layer = {
    name: count([*layer.parameters(), *statistics(layer)])
    for name, layer in model.named_children()
    if list(layer.parameters())
}

# %% the table
columns = ("output_size", "num_params", "trainable")
table = torchinfo.summary(
    model, (1, 1, 8, 6), col_names=columns, device="cpu", verbose=1
)
sizes = {}
for row in table.summary_list:
    if row.var_name in by_layer:
        _, channels, *places = row.output_size
        sizes[row.var_name] = [*places, channels]

# %% the picture
# torchview.draw_graph(model, input_size=(1, 1, 8, 6)) draws this; it needs Graphviz.
arrows, names = set(), {}
for node in torch.fx.symbolic_trace(model).graph.nodes:
    # The name of a module, or of the function that is called.
    names[node] = node.target if node.op == "call_module" else node.name
    if node.op != "output":
        arrows |= {f"{names[p]} -> {names[node]}" for p in node.all_input_nodes}

# %% results
results = {
    "counts": counts,
    "by layer": by_layer,
    "sizes": sizes,
    "arrows": sorted(arrows),
}
print("\n".join(results["arrows"]))
