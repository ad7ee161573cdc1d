"""The same inputs through Keras and PyTorch: whole model, each layer, gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from keras2torch.dialect import shape_of
from keras2torch.errors import VerificationUnavailable
from keras2torch.program import Program
from keras2torch.stages import Stages
from keras2torch.tracing import (
    KerasError,
    KerasProcess,
    KerasUnavailable,
    LoadedModel,
    Reference,
)
from keras2torch.verification import half_precision, keras_side
from keras2torch.verification.describe import describe, unverified
from keras2torch.verification.difference import (
    CLOSE,
    EXACT_GRADIENT,
    Array,
    Difference,
    difference,
    has_nonfinite,
    worst,
    worst_of_calls,
)
from keras2torch.verification.graph import (
    ambiguous_biases,
    layers_of,
    moved,
    weight_keys,
)
from keras2torch.verification.keras_side import Computed, Judge
from keras2torch.verification.onnx_side import OnnxRuntime
from keras2torch.verification.report import Gradients, LayerRow, Report

if TYPE_CHECKING:
    from torch import nn

    from keras2torch.verification.torch_side import ParameterCounts, TorchRun

# In float64 a formula that is the same agrees to 1e-12; an epsilon or a constant that
# is slightly another passes in float32 and shows here.
_SUSPICIOUS = 1e-7
# A gradient far below the largest one of the model is rounding itself.
_GRADIENT_FLOOR = 1e-4
# Gradients that Keras does not have are no reason to ask it again.
_AGREED = {"exact", "unverified"}


def verify(
    program: Program,
    model: ir.Model,
    source: str | Path,
    weights: str | Path | None,
    process: KerasProcess | OnnxRuntime,
    stage: Stages | None = None,
    *,
    module: Callable[[], nn.Module] | None = None,
    trust: bool = False,
    custom_objects: str | Path | None = None,
    loaded: LoadedModel | None = None,
) -> Report:
    """Compare a program with Keras and report.

    Parameters
    ----------
    program, model
        The program and the graph that it was written from.
    source, weights
        The Keras file, or an architecture and its weights.
    process
        A Keras process, which holds another model afterwards, or ONNX Runtime.
    stage
        Times the stages.
    module
        Makes a fresh module; the program's own if not given.
    trust, custom_objects
        Whether Keras may run the file's own code, and the file with the classes that
        it names.
    loaded
        The model that the process holds already.

    Returns
    -------
    Report
        Verdict ``"unverified"`` with a reason where nothing could be compared.
    """
    stage = stage or Stages()
    comparison = _Comparison(
        program,
        model,
        process,
        module or program.module,
        loaded,
        trust,
        custom_objects,
    )
    try:
        comparison.run(Path(source), None if weights is None else Path(weights), stage)
    except (VerificationUnavailable, KerasUnavailable) as error:
        return unverified(program, model, stage.seconds, str(error).splitlines()[0])
    comparison.report.seconds = dict(stage.seconds)
    return comparison.report


@dataclass
class _Both:
    """One precision, both sides."""

    keras: Reference
    torch: TorchRun


class _Comparison:
    def __init__(
        self,
        program: Program,
        model: ir.Model,
        process: KerasProcess | OnnxRuntime,
        make: Callable[[], nn.Module],
        loaded: LoadedModel | None,
        trust: bool,
        custom_objects: str | Path | None,
    ) -> None:
        self._loaded = loaded
        self._program = program
        self._model = model
        self._process = process
        self._make = make
        self._layers = layers_of(model)
        self._trust = trust
        self._custom_objects = custom_objects
        # Of a large model whose float32 is enough; they are not compared again.
        self._agreed: Gradients | None = None
        self.report = describe(program, model)

    def run(self, source: Path, weights: Path | None, stage: Stages) -> None:
        from keras2torch.verification import torch_side

        noisy = keras_side.always_random(self._model)
        told = keras_side.name_of(self._process)
        with stage(f"running {told}"), keras_side.without_training(noisy):
            judge, computed = self._judged(source, weights, bool(noisy))
        if noisy:
            self.report.remarks.append(
                "Layers that are random in every call (training=True) were switched "
                "off on both sides: " + ", ".join(str(n.name) for n in noisy)
            )
        self._name_judge(judge)
        drawn = keras_side.draws(self._model)
        if drawn:
            self.report.remarks.append(
                "The model draws random numbers in every call: to compare, both sides "
                "took the same ones, told by their place."
            )
        with (
            stage("running PyTorch"),
            torch_side.quiet(bool(noisy)),
            torch_side.drawing(drawn),
        ):
            try:
                single, double = self._runs(computed, judge)
            except Exception as error:
                # Whatever the generated program raises, the answer is the same.
                self._failed(error)
                return
        with stage("comparing"):
            self._count(judge, single.torch.counts)
            self._compare(judge, computed, single, double)
            half_precision.compare(self.report, self._program, self._make, computed)

    # -- Keras
    def _judged(
        self, source: Path, weights: Path | None, noisy: bool
    ) -> tuple[Judge, Computed]:
        """Return the file's own model and what it computes, or that of our graph."""
        if noisy:
            why = "it is compared without its random layers"
        else:
            try:
                judge = Judge(
                    self._loaded
                    or self._process.load(
                        source,
                        weights,
                        trust=self._trust,
                        custom_objects=self._custom_objects,
                    )
                )
                return judge, self._run_judge(judge)
            except KerasError as error:
                self._need_classes(error)
                why = keras_side.reasons(error)
        if isinstance(self._process, OnnxRuntime):
            raise VerificationUnavailable(f"ONNX Runtime does not run the file: {why}")
        judge = keras_side.rebuild(self._process, self._model, why)
        return judge, self._computed(judge)

    def _need_classes(self, error: KerasError) -> None:
        """Say what is missing where only the user's own classes could be the judge."""
        replaced = dict.fromkeys(x.class_name for x in self._layers if x.replaced)
        if not replaced:
            return
        if error.unsafe and not self._trust:
            own = "" if self._custom_objects else "--custom-objects my_layers.py, or "
            raise VerificationUnavailable(
                f"{error}; with {own}--trust, {', '.join(replaced)} is compared with "
                "its PyTorch replacement"
            ) from error
        if self._custom_objects is None:
            raise VerificationUnavailable(
                f"to compare {', '.join(replaced)} with its PyTorch replacement, Keras "
                "needs the class: name the file that defines it, --custom-objects "
                "my_layers.py"
            ) from error
        raise VerificationUnavailable(
            f"Keras does not load the file with {self._custom_objects}: "
            f"{keras_side.reasons(error)}"
        ) from error

    def _run_judge(self, judge: Judge) -> Computed:
        half = self._program.precision.half is not None
        return keras_side.compute(self._process, judge, self._model, half=half)

    def _computed(self, judge: Judge) -> Computed:
        try:
            return self._run_judge(judge)
        except KerasError as error:
            raise VerificationUnavailable(
                f"Keras does not run the model: {error}"
            ) from error

    def _name_judge(self, judge: Judge) -> None:
        self.report.reference = judge.label
        if judge.label.startswith("Keras 3") and (
            found := ambiguous_biases(self._model)
        ):
            self.report.remarks.append(
                "Keras 3 on TensorFlow adds these biases along the last axis, which is "
                "as long as that of the channels; compared is Keras with that mended, "
                "as its other backends compute: " + ", ".join(found)
            )
        self.report.rebuilt = judge.rebuilt
        if judge.rebuilt:
            self.report.remarks.append(
                "Compared with a model that Keras built from the graph, not with the "
                f"file itself: {judge.why}."
            )

    # -- PyTorch
    def _runs(self, computed: Computed, judge: Judge) -> tuple[_Both, _Both | None]:
        from keras2torch.verification import torch_side

        result = computed.result
        single = _Both(
            result.float32 or result.native,
            torch_side.run(self._program, computed.batches, self._make),
        )
        reference = result.float64
        if reference is None and not result.float64_error:
            # A large model: only where float32 disagrees.
            if self._outputs(computed, single).verdict == "exact":
                slopes = self._gradients(judge, single, None)
                if slopes.verdict in _AGREED:
                    self._agreed = slopes
                    return single, None
            again = keras_side.in_float64(
                self._process, judge, computed, self._model
            ).result
            reference = again.float64
        if reference is None:
            return single, None
        try:
            double = torch_side.run(
                self._program, computed.batches, self._make, double=True
            )
        except Exception as error:
            self.report.remarks.append(
                f"The module does not run in float64: {_one_line(error)}"
            )
            return single, None
        return single, _Both(reference, double)

    def _failed(self, error: Exception) -> None:
        self.report.verdict = "different"
        self.report.reason = f"the PyTorch module does not run: {_one_line(error)}"

    # -- comparison
    def _compare(
        self, judge: Judge, computed: Computed, single: _Both, double: _Both | None
    ) -> None:
        report = self.report
        whole = self._outputs(computed, single)
        if double is not None:
            whole = whole.in_float64(self._outputs(computed, double))
        report.verdict = whole.verdict
        report.reason = whole.why
        report.max_abs_diff = whole.absolute
        report.max_rel_diff = whole.relative
        report.float64_rel_diff = whole.float64
        report.batches = [len(batch[0]) if batch else 0 for batch in computed.batches]
        report.remarks += computed.remarks
        self._layer_rows(judge, single, double)
        report.gradients = self._agreed or self._gradients(judge, single, double)
        self._remark(single, whole)
        if whole.verdict == "different" and not judge.rebuilt:
            self._blame(whole)

    def _count(self, judge: Judge, counts: ParameterCounts) -> None:
        found = self.report.parameters
        found.update(torch_trainable=counts.trainable, torch_total=counts.total)
        replaced = [x.path for x in self._layers if x.class_name.startswith("CuDNN")]
        if replaced:
            # Without a GPU Keras runs them as LSTM and GRU, which have one bias less.
            self.report.remarks.append(
                "Keras computed these as LSTM or GRU, on the CPU: "
                + ", ".join(replaced)
            )
            return
        found.update(
            keras_trainable=judge.loaded.trainable, keras_total=judge.loaded.total
        )

    def _outputs(self, computed: Computed, both: _Both) -> Difference:
        found = []
        for keras, torch in zip(both.keras.outputs, both.torch.outputs, strict=True):
            if len(keras) != len(torch):
                why = f"{len(torch)} outputs where Keras has {len(keras)}"
                return Difference(math.inf, math.inf, why=why)
            for place, array in zip(computed.outputs, torch, strict=True):
                found.append(difference(keras[place], array))
        return worst(found)

    def _layer_rows(self, judge: Judge, single: _Both, double: _Both | None) -> None:
        there = {info.path for info in judge.loaded.layers}
        # What stands between the layers is no layer in Keras: its readers show it.
        synthetic = {
            x.path
            for x in self._layers
            if (x.operator or not x.weights)
            and judge.renamed.get(x.path, x.path) not in there
        }
        self.report.layers = [r for r in self.report.layers if r.name not in synthetic]
        rows = {row.name: row for row in self.report.layers}
        for layer in self._layers:
            path = judge.renamed.get(layer.path, layer.path)
            found = _layer_difference(layer.path, path, single)
            if found is None or layer.path not in rows:
                continue
            if double is not None:
                found = found.in_float64(_layer_difference(layer.path, path, double))
            row = rows[layer.path]
            row.verdict = found.verdict
            row.diff, row.float64_diff = found.relative, found.float64
        self.report.first_different = _first(self.report.layers)

    def _gradients(
        self, judge: Judge, single: _Both, double: _Both | None
    ) -> Gradients:
        keys = weight_keys(self._layers, judge.loaded, judge.renamed)
        result = Gradients()
        if not single.keras.gradients:
            return result
        found, missing = self._slopes(keys, single)
        result.compared, result.missing = len(found), missing
        if double is not None and double.keras.gradients:
            doubles, _ = self._slopes(keys, double)
            found = {n: d.in_float64(doubles.get(n)) for n, d in found.items()}
        if found:
            total = worst(list(found.values()))
            result.verdict = total.judged(EXACT_GRADIENT)
            result.max_rel_diff = total.relative
            result.float64_rel_diff = total.float64
            result.worst = max(found, key=lambda n: found[n].relative)
        return result

    def _slopes(
        self, keys: Mapping[ir.Value, tuple[str, int]], both: _Both
    ) -> tuple[dict[str, Difference], list[str]]:
        """Compare each trainable parameter's gradient; also name what has no key."""
        expected: dict[str, Array] = {}
        missing = []
        for weight in self._program.weights:
            if weight.name not in both.torch.gradients or not weight.trainable:
                continue
            if not weight.values:
                # Made by the user's own function, in a way that nobody can see.
                missing.append(weight.name)
                continue
            slopes = []
            for value in weight.values:
                shape = tuple(n or 0 for n in shape_of(value))
                key = keys.get(value)
                slope = None if key is None else both.keras.gradients.get(key)
                slopes.append(np.zeros(shape) if slope is None else moved(value, slope))
            if all(value in keys for value in weight.values):
                expected[weight.name] = weight.source(*slopes)
            else:
                missing.append(weight.name)
        largest = max((_largest(a) for a in expected.values()), default=0.0)
        found = {}
        for name, array in expected.items():
            d = difference(array, both.torch.gradients[name])
            scale = max(_largest(array), _GRADIENT_FLOOR * largest)
            if scale and math.isfinite(d.absolute):
                d = Difference(d.absolute, d.absolute / scale)
            found[name] = d
        return found, missing

    # -- remarks
    def _remark(self, single: _Both, whole: Difference) -> None:
        report = self.report
        told = keras_side.name_of(self._process)
        if has_nonfinite([a for batch in single.keras.outputs for a in batch]):
            report.remarks.append(
                f"{told} puts out NaN or infinities here; where both "
                "sides do, they count as equal."
            )
        if report.same_trainable is False:
            report.remarks.append(
                f"Keras trains {report.parameters['keras_trainable']} parameters, "
                f"PyTorch {report.parameters['torch_trainable']}."
            )
        double = whole.float64
        if report.verdict == "exact" and double is not None and double > _SUSPICIOUS:
            report.remarks.append(
                "The float64 runs differ by more than rounding does: a constant or an "
                "epsilon may be slightly another."
            )
        if report.verdict == "exact" and whole.relative > CLOSE:
            report.remarks.append(
                "In float32 the outputs differ by rounding that the model amplifies; "
                "in float64 they agree."
            )
        slopes = report.gradients
        if slopes.verdict == "different":
            report.remarks.append(
                f"The gradients differ, most that of {slopes.worst!r}: training will "
                "not follow Keras' course."
            )

    def _blame(self, whole: Difference) -> None:
        """Say whether reading or writing is at fault: rebuild the graph in Keras."""
        if isinstance(self._process, OnnxRuntime):
            return
        try:
            judge = keras_side.rebuild(self._process, self._model, "")
            computed = self._computed(judge)
            single, _ = self._runs(computed, judge)
        except Exception as error:
            del error  # Only a hint: without it the verdict stands as well.
            return
        if self._outputs(computed, single).verdict == "exact":
            self.report.remarks.append(
                "The same graph built again in Keras agrees with PyTorch: what differs "
                "is how the file was read, not how it was written."
            )


def _layer_difference(ours: str, theirs: str, both: _Both) -> Difference | None:
    keras = _calls(both.keras.layers, theirs)
    torch = _calls(both.torch.layers, ours)
    pairs = [
        [(k, t) for k, t in zip(ks, ts, strict=False) if t is not None]
        for ks, ts in zip(keras, torch, strict=False)
    ]
    if not any(pairs):
        return None
    return worst_of_calls(
        [[k for k, _ in call if k is not None] for call in pairs],
        [[t for _, t in call] for call in pairs],
    )


def _calls(
    layers: Mapping[tuple[str, int], Sequence[Array | None]], path: str
) -> list[Sequence[Array | None]]:
    found: list[Sequence[Array | None]] = []
    while (path, len(found)) in layers:
        found.append(layers[path, len(found)])
    return found


def _first(rows: Sequence[LayerRow]) -> str | None:
    """Return the first layer that is not exact: the innermost of nested models."""
    for wanted in ("different", "close"):
        bad = [row.name for row in rows if row.verdict == wanted]
        inner = [n for n in bad if not any(m.startswith(f"{n}/") for m in bad)]
        if inner:
            return inner[0]
    return None


def _largest(array: Array) -> float:
    finite = array[np.isfinite(array)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _one_line(error: Any) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"
