"""Counting weights, a table of layers, a picture of the graph."""

import keras
from keras import layers

# %% model: a frozen layer, a shared one, a sum
image = keras.Input((8, 6, 1), name="image")
stem = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")
norm = layers.BatchNormalization(name="norm")
block = layers.Conv2D(8, 3, padding="same", name="block")
t = layers.ReLU(name="relu")(norm(stem(image)))
t = layers.Add(name="add")([t, block(block(t))])
t = layers.GlobalAveragePooling2D(name="mean")(t)
model = keras.Model(image, layers.Dense(10, name="head")(t))
stem.trainable = False


# %% counting
def count(weights):
    return sum(w.numpy().size for w in weights)


counts = {
    "all": model.count_params(),
    "trainable": count(model.trainable_weights),
    "not trainable": count(model.non_trainable_weights),
}
with_weights = [layer for layer in model.layers if layer.weights]
by_layer = {layer.name: layer.count_params() for layer in with_weights}

# %% the table
model.summary()
sizes = {
    layer.name: layer._inbound_nodes[0].outputs[0].shape[1:] for layer in with_weights
}

# %% the picture
# keras.utils.plot_model(model, "model.png") draws this; it needs pydot, Graphviz.
arrows = set()
for layer in model.layers:
    for node in layer._inbound_nodes:
        arrows |= {f"{p.operation.name} -> {layer.name}" for p in node.parent_nodes}

# %% results
results = {
    "counts": counts,
    "by layer": by_layer,
    "sizes": sizes,
    "arrows": sorted(arrows),
}
print("\n".join(results["arrows"]))
