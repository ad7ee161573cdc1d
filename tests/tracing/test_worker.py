"""The Keras process against Keras itself, asked in another process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from keras2torch.tracing import KerasError, KerasProcess, KerasUnavailable

Array = npt.NDArray[Any]
needs_keras = pytest.mark.needs_keras
MAKE_MODELS = Path(__file__).with_name("make_models.py")


@dataclass
class Made:
    """The files that Keras wrote, and what it computed for them."""

    folder: Path
    expected: dict[str, Array]

    def __getitem__(self, key: str) -> Array:
        return self.expected[key]

    def path(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="module")
def keras() -> Iterator[KerasProcess]:
    with KerasProcess(timeout=120) as process:
        yield process


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, keras: KerasProcess) -> Made:
    folder = tmp_path_factory.mktemp("keras")
    done = subprocess.run(
        [sys.executable, os.fspath(MAKE_MODELS), os.fspath(folder)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "expected.npz") as arrays:
        return Made(folder, {key: arrays[key] for key in arrays.files})


def close(actual: Array, wanted: Array, tolerance: float = 1e-6) -> None:
    assert actual.shape == wanted.shape
    np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance)


@needs_keras
class TestLoad:
    def test_describes_nested_models(self, keras: KerasProcess, made: Made) -> None:
        model = keras.load(made.path("nested.keras"))
        layers = {layer.path: layer for layer in model.layers}

        assert model.keras.startswith("Keras 3.")
        assert [t.name for t in model.inputs] == ["x"]
        assert model.inputs[0].shape == (None, 4)
        assert model.inputs[0].dtype == "float32"
        assert [t.name for t in model.outputs] == ["joined", "head"]
        assert model.total == made["nested/parameters"][0]
        assert model.trainable == model.total - 10
        assert layers["inner"].nested
        assert layers["inner"].weights == ()
        norm = layers["inner/batch_normalization"]
        assert norm.class_name == "BatchNormalization"
        assert [w.trainable for w in norm.weights] == [True, True, False, False]
        assert layers["inner/dense"].weights[0].shape == (4, 5)

    def test_a_wrapper_is_one_layer(self, keras: KerasProcess, made: Made) -> None:
        model = keras.load(made.path("masked.h5"))
        paths = [layer.path for layer in model.layers]
        assert [p for p in paths if p.startswith("both")] == ["both"]

    def test_architecture_and_weights(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("nested.json"), made.path("nested.weights.h5"))
        result = keras.run([[made["nested/x0"]]])
        close(result.native.outputs[0][1], made["nested/b0/o1"])

    def test_weights_are_asked_for(self, keras: KerasProcess, made: Made) -> None:
        with pytest.raises(KerasError, match="without its weights"):
            keras.load(made.path("nested.json"))

    @pytest.mark.parametrize(
        ("name", "ending"), [("nested.keras", ".h5"), ("masked.h5", ".keras")]
    )
    def test_bytes_count_not_the_ending(
        self, keras: KerasProcess, made: Made, tmp_path: Path, name: str, ending: str
    ) -> None:
        renamed = tmp_path / ("model" + ending)
        shutil.copy(made.path(name), renamed)
        assert keras.load(renamed).total == keras.load(made.path(name)).total

    def test_keras2_reads_what_keras2_wrote(
        self, keras: KerasProcess, made: Made
    ) -> None:
        # Keras 3 would load it too, and compute another hard_sigmoid.
        model = keras.load(made.path("hard_sigmoid.h5"))
        assert model.keras.startswith("tf_keras")
        result = keras.run([[made["hard_sigmoid/x"]]])
        close(result.native.outputs[0][0], made["hard_sigmoid/y"])

    def test_keys_of_keras_2_14_on_windows(
        self, keras: KerasProcess, made: Made
    ) -> None:
        keras.load(made.path("windows.keras"))
        result = keras.run([[made["windows/x"]]])
        close(result.native.outputs[0][0], made["windows/y"])

    def test_cudnn_layers_without_a_gpu(self, keras: KerasProcess, made: Made) -> None:
        model = keras.load(made.path("cudnn.h5"))
        assert "LSTM" in [layer.class_name for layer in model.layers]
        result = keras.run([[made["cudnn/x"]]])
        close(result.native.outputs[0][0], made["cudnn/y"])

    @pytest.mark.parametrize("backend", ["tensorflow", "theano"])
    def test_keras1(self, keras: KerasProcess, tmp_path: Path, backend: str) -> None:
        rng = np.random.default_rng(0)
        kernel = rng.standard_normal((2, 3, 1, 2)).astype("float32")
        suffix = ":0" if backend == "tensorflow" else ""
        config = {
            "name": "conv",
            "batch_input_shape": [None, 4, 5, 1],
            "input_dtype": "float32",
            "nb_filter": 2,
            "nb_row": 2,
            "nb_col": 3,
            "border_mode": "valid",
            "subsample": [1, 1],
            "dim_ordering": "tf",
            "activation": "linear",
            "init": "glorot_uniform",
            "W_regularizer": None,
            "bias": False,
        }
        layers = [{"class_name": "Convolution2D", "config": config}]
        with h5py.File(tmp_path / "keras1.h5", "w") as file:
            file.attrs["keras_version"] = "1.2.2"
            model_config = {"class_name": "Sequential", "config": layers}
            file.attrs["model_config"] = json.dumps(model_config)
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [b"conv"]
            group["conv/conv_W" + suffix] = kernel
            group["conv"].attrs["weight_names"] = [("conv_W" + suffix).encode()]

        keras.load(tmp_path / "keras1.h5")
        x = rng.standard_normal((1, 4, 5, 1)).astype("float32")
        y = keras.run([[x]]).native.outputs[0][0]

        if backend == "theano":  # which convolves where TensorFlow correlates
            kernel = kernel[::-1, ::-1]
        windows = np.lib.stride_tricks.sliding_window_view(x[0, :, :, 0], (2, 3))
        close(y[0], np.einsum("ijkl,klo->ijo", windows, kernel[:, :, 0]), 1e-5)


@needs_keras
class TestRefusals:
    def test_lambda_runs_only_when_trusted(
        self, keras: KerasProcess, made: Made
    ) -> None:
        with pytest.raises(KerasError, match="Lambda") as caught:
            keras.load(made.path("lambda.h5"))
        assert caught.value.unsafe

        keras.load(made.path("lambda.h5"), trust=True)
        result = keras.run([[np.ones((1, 2), "float32")]])
        close(result.native.outputs[0][0], np.full((1, 2), 3.0, "float32"))

    def test_modules_are_not_imported(
        self, keras: KerasProcess, made: Made, tmp_path: Path
    ) -> None:
        with zipfile.ZipFile(made.path("plain.keras")) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        text = members["config.json"].decode().replace("keras.layers", "shutil")
        members["config.json"] = text.encode()
        with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        with pytest.raises(KerasError, match="shutil") as caught:
            keras.load(tmp_path / "model.keras")
        assert caught.value.unsafe

    def test_links_out_of_the_file(
        self, keras: KerasProcess, made: Made, tmp_path: Path
    ) -> None:
        copy = tmp_path / "model.h5"
        shutil.copy(made.path("masked.h5"), copy)
        with h5py.File(copy, "r+") as file:
            file["model_weights/elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
        with pytest.raises(KerasError, match="links") as caught:
            keras.load(copy)
        assert caught.value.unsafe

    def test_the_worker_lives_on(self, keras: KerasProcess, made: Made) -> None:
        with pytest.raises(KerasError, match="no such file"):
            keras.load(made.path("missing.h5"))
        pointer = made.path("pointer.h5")
        pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
        with pytest.raises(KerasError, match="Git LFS"):
            keras.load(pointer)
        with pytest.raises(KerasError, match="no model"):
            keras.run([[np.zeros((1, 2), "float32")]])
        assert keras.load(made.path("masked.h5")).total


@needs_keras
class TestRun:
    def test_outputs_of_each_batch(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("nested.keras"))
        result = keras.run([[made["nested/x0"]], [made["nested/x1"]]])
        for number in (0, 1):
            for k in (0, 1):
                wanted = made[f"nested/b{number}/o{k}"]
                close(result.native.outputs[number][k], wanted)
        assert result.native.layers == {}
        assert result.float64 is None

    def test_layers_by_path_and_call(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("nested.keras"))
        layers = keras.run([[made["nested/x0"]]], layers=True).native.layers
        # In the config's numbering, although the second call runs first.
        close(layers["shared", 0][0], made["nested/shared/0"])
        close(layers["shared", 1][0], made["nested/shared/1"])
        close(layers["inner/dense", 0][0], made["nested/inner/dense"])
        close(layers["inner/batch_normalization", 0][0], made["nested/inner"])
        close(layers["inner", 0][0], made["nested/inner"])
        assert ("shared", 2) not in layers

    def test_recording_leaves_no_trace(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("nested.keras"))
        batch = [[made["nested/x0"]]]
        first = keras.run(batch, layers=True)
        second = keras.run(batch, layers=True)
        assert first.native.layers.keys() == second.native.layers.keys()

    def test_gradients(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("nested.keras"))
        result = keras.run([[made["nested/x0"]]], gradients=True, float64=True)
        assert result.float64 is not None
        for gradients in (result.native.gradients, result.float64.gradients):
            close(gradients["inner/dense", 0], made["nested/grad/dense"], 1e-5)
            close(gradients["shared", 1], made["nested/grad/shared"], 1e-5)
            gamma = gradients["inner/batch_normalization", 0]
            close(gamma, made["nested/grad/gamma"], 1e-5)

    def test_float64(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("nested.keras"))
        batch = [[made["nested/x0"]]]
        result = keras.run(batch, float64=True, layers=True)
        assert result.float64 is not None
        double = result.float64.outputs[0][1]
        assert double.dtype == np.float64
        close(double, made["nested/b0/o1"], 1e-5)
        assert result.float64.layers["shared", 1][0].dtype == np.float64
        # The model itself, and what is loaded after it, stay float32.
        assert keras.run(batch).native.outputs[0][1].dtype == np.float32
        keras.load(made.path("nested.keras"))
        assert keras.run(batch).native.outputs[0][1].dtype == np.float32

    def test_mask(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("masked.h5"))
        result = keras.run([[made["masked/x"]]], float64=True, gradients=True)
        close(result.native.outputs[0][0], made["masked/y"])
        # The embedding's gradient comes sparse; the masked token has none.
        slope = result.native.gradients["embedding", 0]
        assert slope.shape == (7, 3)
        assert np.abs(slope[4]).max() > 0
        assert np.abs(slope[0]).max() == 0

    def test_stateful_starts_from_zero(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("stateful.keras"))
        x = made["stateful/x"]
        result = keras.run([[x], [x]], float64=True)
        for batch in result.native.outputs:
            close(batch[0], made["stateful/y"])
        assert result.float64_error is None

    def test_long_loops(self, keras: KerasProcess, made: Made) -> None:
        # 80 steps run as one graph.
        keras.load(made.path("hard_sigmoid.h5"))
        batch = [[made["hard_sigmoid/x"]]]
        result = keras.run(batch, layers=True, gradients=True)
        close(result.native.layers["lstm", 0][0], made["hard_sigmoid/lstm"])
        assert set(result.native.gradients) == {
            ("lstm", 0),
            ("lstm", 1),
            ("lstm", 2),
            ("head", 0),
            ("head", 1),
        }

    @pytest.mark.parametrize("name", ["channels_first", "pooling3d"])
    def test_what_tensorflow_has_no_kernel_for(
        self, keras: KerasProcess, made: Made, name: str
    ) -> None:
        keras.load(made.path(name + ".h5"))
        batch = [[made[name + "/x"]]]
        result = keras.run(batch, float64=True, gradients=True)
        close(result.native.outputs[0][0], made[name + "/y"], 1e-5)
        assert result.gradient_error is None
        assert result.float64_error is None
        assert result.float64 is not None
        close(result.float64.outputs[0][0], made[name + "/y"], 1e-5)

    def test_normalization_in_a_nested_model(
        self, keras: KerasProcess, made: Made
    ) -> None:
        # Keras 3.15 reads its weights from HDF5 and goes on computing with others.
        keras.load(made.path("normalization.h5"))
        result = keras.run([[made["normalization/x"]]])
        close(result.native.outputs[0][0], made["normalization/y"])

    def test_strings(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("words.keras"))
        words = np.array([["hello foo"], ["bar"]])
        result = keras.run([[words]], float64=True, layers=True)
        close(result.native.outputs[0][0], made["words/y"])
        assert result.float64 is not None
        close(result.float64.outputs[0][0], made["words/y"].astype("float64"))

    def test_wrong_number_of_inputs(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("nested.keras"))
        with pytest.raises(KerasError, match="1 inputs, the batch 2"):
            keras.run([[made["nested/x0"], made["nested/x0"]]])


@needs_keras
class TestTrain:
    def test_steps(self, keras: KerasProcess, made: Made) -> None:
        keras.load(made.path("training.keras"))
        x = [[made[f"training/x{k}"]] for k in range(3)]
        y = [[made[f"training/y{k}"]] for k in range(3)]
        before = keras.run(x).native.outputs

        result = keras.train(x, y, steps=3, learning_rate=0.1)

        for k, loss in enumerate(result.losses):
            assert loss == pytest.approx(float(made[f"training/loss{k}"]), rel=1e-5)
        assert len(result.weights) == 8
        for (path, index), value in result.weights.items():
            close(value, made[f"training/{path}/{index}"], 1e-5)
        after = keras.run(x).native.outputs
        np.testing.assert_array_equal(after[2][0], before[2][0])


@needs_keras
class TestRebuild:
    def test_from_config_and_arrays(self, keras: KerasProcess, made: Made) -> None:
        config = json.loads(made.path("config.json").read_text())
        loaded = keras.load(made.path("nested.keras"))
        trained = keras.train([], [], steps=0, learning_rate=0.0).weights
        weights = {f"{path}/{index}": value for (path, index), value in trained.items()}

        rebuilt = keras.rebuild(config, weights)

        assert rebuilt.total == loaded.total
        result = keras.run([[made["nested/x0"]]])
        close(result.native.outputs[0][1], made["nested/b0/o1"])

        del weights["shared/1"]
        with pytest.raises(KerasError, match="shared/1"):
            keras.rebuild(config, weights)

    def test_in_tf_keras(self, keras: KerasProcess) -> None:
        dense = {"name": "dense", "units": 2, "activation": "hard_sigmoid"}
        config = {
            "class_name": "Sequential",
            "config": {
                "name": "model",
                "layers": [
                    {
                        "class_name": "InputLayer",
                        "config": {"name": "x", "batch_input_shape": [None, 3]},
                    },
                    {"class_name": "Dense", "config": dense},
                ],
            },
        }
        kernel = np.arange(6, dtype="float32").reshape(3, 2) / 4
        weights = {"dense/0": kernel, "dense/1": np.zeros(2, "float32")}
        assert keras.rebuild(config, weights, "tf_keras").keras.startswith("tf_keras")
        x = np.array([[1.0, -1.0, 0.5]], "float32")
        y = keras.run([[x]]).native.outputs[0][0]
        close(y, np.clip(0.2 * (x @ kernel) + 0.5, 0, 1))


class TestUnavailable:
    def test_no_such_python(self, tmp_path: Path) -> None:
        with (
            KerasProcess(tmp_path / "python") as process,
            pytest.raises(KerasUnavailable, match="cannot start"),
        ):
            process.load("model.h5")

    def test_a_process_that_dies_says_why(self, tmp_path: Path) -> None:
        stub = tmp_path / "python"
        stub.write_text("#!/bin/sh\necho no TensorFlow here >&2\nexit 3\n")
        stub.chmod(0o755)
        with (
            KerasProcess(stub) as process,
            pytest.raises(KerasUnavailable, match=r"(?s)status 3.*no TensorFlow here"),
        ):
            process.load("model.h5")

    def test_tensorflow_that_cannot_be_imported(self, tmp_path: Path) -> None:
        stub = tmp_path / "python"
        reply = json.dumps({"ok": False, "error": "TensorFlow: ImportError: broken"})
        stub.write_text(f"#!/bin/sh\necho '{reply}'\nexec sleep 60\n")
        stub.chmod(0o755)
        with (
            KerasProcess(stub) as process,
            pytest.raises(KerasUnavailable, match="ImportError: broken"),
        ):
            process.load("model.h5")

    def test_a_process_that_does_not_answer(self, tmp_path: Path) -> None:
        stub = tmp_path / "python"
        stub.write_text("#!/bin/sh\nexec sleep 60\n")
        stub.chmod(0o755)
        with (
            KerasProcess(stub, start_timeout=0.2) as process,
            pytest.raises(KerasUnavailable, match="no answer"),
        ):
            process.load("model.h5")

    def test_closed(self) -> None:
        process = KerasProcess()
        process.close()
        process.close()
        with pytest.raises(KerasUnavailable, match="closed"):
            process.load("model.h5")
