"""PyTorch replacements for custom layers: written out, exact, for one conversion."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import keras2torch
from keras2torch.cli import main
from keras2torch.conversion import Conversion, convert_file
from keras2torch.errors import Keras2TorchError, PluginError, UnknownLayers
from keras2torch.plugins import active, using
from keras2torch.tracing import KerasProcess

HERE = Path(__file__).parent
PLUGINS = [
    HERE.parents[1] / "examples" / "my_torch_layers.py",
    HERE / "torch_layers.py",
]

pytestmark = pytest.mark.needs_keras

EXACT = [
    ("keras", "images.h5", False),
    ("keras", "images.keras", False),
    ("keras", "gated.h5", False),
    ("keras", "gated.keras", False),
    # Keras loads no mask from its own HDF5.
    ("keras", "tokens.keras", False),
    ("keras", "siamese.keras", True),
    ("tf_keras", "images.h5", False),
    ("tf_keras", "images.keras", False),
    ("tf_keras", "gated.h5", False),
    ("tf_keras", "tokens.keras", False),
]


def converted(
    folder: Path, name: str, process: KerasProcess | None, trust: bool = False
) -> Conversion:
    with using(PLUGINS):
        return convert_file(
            folder / name,
            process=process,
            verify="auto" if process else "never",
            trust=trust,
            custom_objects=folder / "keras_layers.py",
        )


@pytest.mark.parametrize(("flavour", "name", "trust"), EXACT)
def test_exact(
    flavour: str,
    name: str,
    trust: bool,
    own_models: Callable[[str], Path],
    keras_process: KerasProcess,
) -> None:
    """Values, gradients, and which parameters train, against the Keras class."""
    made = converted(own_models(flavour), name, keras_process, trust)
    report = made.report
    assert report.verdict == "exact", report.sentence()
    assert not report.rebuilt
    assert report.same_trainable
    slopes = report.gradients
    assert slopes is not None
    assert slopes.verdict == "exact", slopes
    # Which of Gated's weights is which cannot be told from their shapes alone.
    assert all(key.startswith("gated.") for key in slopes.missing)
    assert slopes.compared


def test_the_file_stands_alone(
    own_models: Callable[[str], Path], tmp_path: Path
) -> None:
    """It imports torch, math and safetensors, and runs without keras2torch."""
    folder = own_models("keras")
    for name in ("images.keras", "gated.h5"):
        made = converted(folder, name, None)
        made.save(tmp_path / name)
        tree = ast.parse((tmp_path / name / "model.py").read_text())
        imported = {
            (n.module if isinstance(n, ast.ImportFrom) else n.names[0].name) or ""
            for n in ast.walk(tree)
            if isinstance(n, (ast.Import, ast.ImportFrom))
        }
        own = {"torch", "torch.nn.functional", "math", "pathlib", "safetensors.torch"}
        assert imported <= own
        defined = [n.name for n in tree.body if isinstance(n, ast.ClassDef)]
        assert len(set(defined)) == len(defined)
        load = f"import sys; sys.path.insert(0, {str(tmp_path / name)!r})\n"
        load += "import model; m = model.load(); print(len(m.state_dict()))\n"
        load += "assert not any(k.startswith('keras2torch') for k in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-I", "-c", load],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) == len(made.module.state_dict())
    source = made.source
    assert "class Gated(nn.Module):" in source
    assert "Gated((6, 3, 5))" in source
    assert "import torch.nn.functional as func" in source
    assert "@" not in source


def test_what_trains(own_models: Callable[[str], Path]) -> None:
    """Frozen by the layer, and frozen in the module that was returned."""
    made = converted(own_models("keras"), "images.keras", None)
    moves = {k: p.requires_grad for k, p in made.module.named_parameters()}
    assert moves["norm.weight"]
    assert moves["inner.inner_norm.weight"]
    assert not moves["inner.inner_norm.bias"]
    assert not moves["inner.inner_shift.weight"]
    assert not moves["frozen.weight"]
    assert not moves["frozen.bias"]


def test_without_the_keras_class_nothing_is_claimed(
    own_models: Callable[[str], Path], tmp_path: Path
) -> None:
    source = own_models("keras") / "images.keras"
    arguments = ["convert", source, "-o", tmp_path / "out", "--plugin", PLUGINS[0]]
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    assert "NOT VERIFIED" in result.output
    assert "InstanceNormalization" in result.output
    assert "--custom-objects" in result.output


def test_a_plugin_holds_for_one_conversion(own_models: Callable[[str], Path]) -> None:
    source = own_models("keras") / "tokens.keras"
    before = set(sys.modules)
    keras2torch.convert(source, verify="never", plugins=PLUGINS[1])
    assert active() == {}
    assert "torch_layers" not in set(sys.modules) - before
    with pytest.raises(UnknownLayers, match="longest"):
        keras2torch.convert(source, verify="never")


def test_register_by_hand(own_models: Callable[[str], Path]) -> None:
    """A layer's own name comes before its class."""
    source = own_models("keras") / "tokens.keras"
    torch = pytest.importorskip("torch")

    @keras2torch.register("longest")
    def mean(config: object, weights: object) -> object:
        return torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d((1, 6)), torch.nn.Flatten()
        )

    try:
        made = keras2torch.convert(source, verify="never", plugins=PLUGINS[1])
    finally:
        keras2torch.unregister("longest")
    assert "nn.Sequential(nn.AdaptiveAvgPool2d((1, 6)), nn.Flatten())" in made.source
    tokens = torch.tensor([[3, 4, 5], [1, 2, 0]])
    table = made.module.embedding.weight
    mean_of = table[tokens].mean(dim=1)
    expected = made.module.fc(mean_of)
    assert torch.allclose(made.module(tokens), expected, atol=1e-6)


def test_a_kept_graph_holds_no_code(
    own_models: Callable[[str], Path], tmp_path: Path
) -> None:
    """It names the class; what stands for it comes from whoever converts."""
    source = own_models("keras") / "images.keras"
    with using(PLUGINS):
        made = convert_file(source, verify="never")
        made.save(tmp_path, keep_onnx=True)
        again = convert_file(tmp_path / "model.onnx", verify="never")
    assert b"std_mean" not in (tmp_path / "model.onnx").read_bytes()
    assert again.source == made.source
    state, other = made.program.state(), again.program.state()
    assert all(np.array_equal(state[k], other[k]) for k in state)
    with pytest.raises(UnknownLayers, match="InstanceNormalization"):
        convert_file(tmp_path / "model.onnx", verify="never")


# ------------------------------------------------------------------- what goes wrong
HEAD = "import keras2torch, torch\nfrom torch import nn\n"
MAKE = f'{HEAD}@keras2torch.register("MaskedMax")\ndef make(config, weights):\n'
WRONG = {
    "syntax": ("def f(:\n", "plugin.py, line 1: "),
    "at import": ("x = 1\nraise KeyError('gone')\n", "plugin.py, line 2: KeyError"),
    "exits": ("import sys\nsys.exit(3)\n", "plugin.py, line 2: SystemExit"),
    "nothing": ("import torch\n", "registers nothing"),
    "keras": ("x = 1\nimport tensorflow as tf\n", "line 2: .* --custom-objects"),
    "fails": (f"{MAKE}    return 1 / 0\n", "plugin.py, line 5: ZeroDivisionError"),
    "no weight": (f"{MAKE}    return weights['w']\n", "line 5: .*no weight 'w'"),
    "no module": (f"{MAKE}    return 3\n", "returns a int"),
    "array": (
        f"{HEAD}class M(nn.Module):\n"
        "    def __init__(self, a):\n        super().__init__()\n"
        '@keras2torch.register("MaskedMax")\n'
        "def make(config, weights):\n    return M(torch.ones(3))\n",
        r"made with a=an array of shape \(3,\)",
    ),
    "nested class": (
        f"{MAKE}    class M(nn.Module):\n        pass\n    return M()\n",
        "top of the plugin",
    ),
    "changed afterwards": (
        f"{MAKE}    m = nn.Sequential(nn.Linear(6, 2))\n"
        "    m.append(nn.Linear(2, 3))\n    return m\n",
        "other parameters",
    ),
    "hidden value": (
        f"{HEAD}class M(nn.Module):\n    k = 1\n"
        "    def forward(self, x):\n        return x[:, 0] * self.k\n"
        '@keras2torch.register("MaskedMax")\n'
        "def make(config, weights):\n    m = M()\n    m.k = 2\n    return m\n",
        "lost in model.py",
    ),
    "other import": (
        f"{HEAD}import numpy as np\nclass M(nn.Module):\n"
        "    def forward(self, x):\n        return x[:, 0] * np.pi\n"
        '@keras2torch.register("MaskedMax")\ndef make(config, weights):\n'
        "    return M()\n",
        "plugin.py, line 3: M uses np",
    ),
    "forbidden": (
        f"{HEAD}class M(nn.Module):\n    def forward(self, x):\n"
        "        open('/dev/null')\n        return x[:, 0]\n"
        '@keras2torch.register("MaskedMax")\ndef make(config, weights):\n'
        "    return M()\n",
        "plugin.py, line 5: the name open",
    ),
    "wrong shape": (
        f"{MAKE}    return nn.Conv2d(3, 4, 3)\n",
        r"does not run on \(\?, \?, 6\)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors(case: str, own_models: Callable[[str], Path], tmp_path: Path) -> None:
    """One sentence with the file and, where there is one, the line; status 2."""
    text, expected = WRONG[case]
    plugin = tmp_path / "plugin.py"
    plugin.write_text(text)
    source = own_models("keras") / "tokens.keras"
    out = tmp_path / "out"
    arguments = ["convert", source, "-o", out, "--no-verify", "--plugin", plugin]
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists()
    with pytest.raises(PluginError, match=expected):
        keras2torch.convert(source, verify="never", plugins=[plugin])
    assert active() == {}


def test_names_of_weights_are_wanted(
    own_models: Callable[[str], Path], tmp_path: Path
) -> None:
    """A .keras file stores none; what is registered has to fit."""
    plugin = tmp_path / "p.py"
    plugin.write_text(
        f"{HEAD}@keras2torch.register('InstanceNormalization', weights=['gamma'])\n"
        "def make(config, weights):\n    return nn.Identity()\n"
    )
    source = own_models("keras") / "images.keras"
    with pytest.raises(PluginError, match="2 weights in the file"):
        keras2torch.convert(source, verify="never", plugins=[plugin])
    plugin.write_text(
        f"{HEAD}@keras2torch.register('InstanceNormalization')\n"
        "def make(config, weights):\n    return nn.Linear(len(weights['gamma']), 1)\n"
    )
    with pytest.raises(Keras2TorchError, match=r'weights=\["gamma", "beta"\]'):
        keras2torch.convert(source, verify="never", plugins=[plugin])
