"""Every published file beside the checkout opens, or says why not."""

from __future__ import annotations

import json
from pathlib import Path

from keras2torch.errors import UnknownLayers, UnsupportedLayer
from keras2torch.reading import inspect, read


def test_all_of_them(shared_models: Path) -> None:
    """What has no rule is a Lambda, a layer without a definition, or an argument."""
    manifest = json.loads((shared_models / "manifest.json").read_text())
    files: list[tuple[Path, Path | None]] = [
        (shared_models / entry["file"], None)
        for entry in manifest
        if entry["tier"] != "pair"
    ]
    for folder in sorted((shared_models / "pairs").iterdir()):
        architecture, weights = sorted(folder.iterdir())
        files.append((architecture, weights))
    read_whole = 0
    for path, weights in files:
        try:
            model = read(path, weights)
        except (UnknownLayers, UnsupportedLayer):
            found = inspect(path, weights)
            assert found.problems, path
            continue
        read_whole += 1
        for value in model.graph.initializers.values():
            assert value.const_value is not None
            assert value.const_value.numpy().shape == tuple(value.shape or ())
    assert read_whole >= 0.9 * len(files)
