"""The text of a training loop with what ``compile`` was given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from keras2torch.layers.definitions import Tensor
from keras2torch.program import Program
from keras2torch.program.automatic import argument
from keras2torch.program.names import Names, identifier, variable
from keras2torch.training import library
from keras2torch.training import lines as lines_of
from keras2torch.training.compile_config import CompileConfig, Named, Version
from keras2torch.training.constrained import constraints_of
from keras2torch.training.facts import (
    masked_outputs,
    order_text,
    output_names,
    shape_text,
)
from keras2torch.training.logits import ACTIVATION_BEFORE, source_of_logits
from keras2torch.training.objectives import (
    Output,
    is_sparse,
    loss_function,
    loss_text,
    metric_text,
    unsaid,
)
from keras2torch.training.text import NoRule, Piece, literal, number, shown
from keras2torch.training.updates import Update, update_text

_TAKEN = frozenset(
    "F batch_size constrain criterion data dataset device epoch epochs evaluate "
    "generator group history learning_rate line load logits loss main make_metrics "
    "math metrics model name optimizer parameters save_file scaler seen shuffle step "
    "test_metrics test_set torch train_metrics train_set value DataLoader "
    "TensorDataset".split()
)


@dataclass
class _Target:
    """An output, and what the script calls what belongs to it."""

    output: Output
    tensor: Tensor
    true: str
    predicted: str
    caught: str
    logits: str | None = None
    loss: Piece | None = None
    metrics: list[tuple[str, Piece]] = field(default_factory=list)
    has_loss: bool = False
    sparse: bool = False

    @property
    def loss_input(self) -> str:
        """What the loss takes beside the target."""
        return self.predicted if self.logits is None else self.caught

    @property
    def used(self) -> bool:
        """Whether anything is computed from it."""
        return self.has_loss or bool(self.metrics)


class LoopWriter:
    """Writes the script for one model.

    Parameters
    ----------
    program
        The written model.
    config, version
        What ``compile`` was given, and by which Keras.
    """

    def __init__(
        self, program: Program, config: CompileConfig, version: Version
    ) -> None:
        self.program = program
        self.config = config
        self.version = version
        self.constraints = constraints_of(program)
        self.notes: list[str] = [*config.problems, *self.constraints.notes]
        self.uses: set[str] = {"Mean", *self.constraints.uses}
        self.half = program.precision.autocast
        self.places: list[str] = []
        self.remarks: list[str] = []
        self.missing: dict[str, str] = {}
        self.labels = Names({"loss"})
        names = self.names = Names(_TAKEN | library.names())
        if len(program.inputs) == 1:
            self.inputs = [names.unique("x")]
        else:
            self.inputs = [
                names.unique(variable(argument(name, i)))
                for i, (name, _) in enumerate(program.inputs, 1)
            ]
        self.targets = [
            self._target(k, name, tensor, names)
            for k, (name, tensor) in enumerate(output_names(program))
        ]
        self.update = self._update()
        self.penalty = bool(program.classes[-1].penalties)

    # -- rules
    def _target(self, k: int, name: str, tensor: Tensor, names: Names) -> _Target:
        at = tensor.layout.position(-1)
        output = Output(name, tensor.shape, -1 if at == tensor.rank - 1 else at)
        single = len(self.program.outputs) == 1
        suffix = "" if single else f"_{identifier(name)}"
        loss = self.config.losses[k]
        target = _Target(
            output,
            tensor,
            names.unique(f"y{suffix}"),
            names.unique("prediction" if single else f"p{suffix}"),
            "logits" if single else names.unique(f"logits{suffix}"),
        )
        target.has_loss = loss is not None
        target.sparse = is_sparse(loss)
        for metric in self.config.metrics[k]:
            self._metric(target, k, metric)
        if loss is None:
            return target
        function = loss_function(loss)
        layer = None
        if function in ACTIVATION_BEFORE:
            layer = source_of_logits(
                self.program.classes[-1].forward,
                k,
                ACTIVATION_BEFORE[function],
                output.dim,
            )
        target.logits = layer
        try:
            target.loss = loss_text(
                loss,
                output,
                self.version,
                target.true,
                target.predicted,
                None if layer is None else target.caught,
            )
            self.notes += filter(None, [unsaid(loss, self.version)])
        except NoRule as error:
            target.logits = None
            target.loss = self._missing_loss(target, loss.kind, error)
        return target

    def _missing_loss(self, target: _Target, kind: str, error: NoRule) -> Piece:
        self.notes.append(f"the loss {shown(kind)} has no rule: {error}")
        call = f"({target.true}, {target.predicted}).mean()"
        if kind in self.missing:
            return Piece(self.missing[kind] + call)
        name = self.names.unique(f"loss_{identifier(kind, 'function')}")
        self.missing[kind] = name
        told = literal(f"train.py: write the loss {shown(kind)} first: {error}")
        self.places.append(
            f"def {name}(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:\n"
            '    """TODO: return one value a sample, as your Keras loss did."""\n'
            f"    raise SystemExit({told})"
        )
        return Piece(name + call)

    def _metric(self, target: _Target, k: int, metric: Named) -> None:
        given = metric.options.get("name")
        label = given if isinstance(given, str) else metric.kind
        if len(self.program.outputs) > 1:
            label = f"{target.output.name}_{label}"
        loss = self.config.losses[k]
        try:
            piece = metric_text(metric, loss, target.output, self.version)
        except NoRule as error:
            self.notes.append(f"the metric {shown(metric.kind)} is left out: {error}")
            self.remarks.append(f"# TODO: the metric {shown(metric.kind)}: {error}")
            return
        self.uses.update(piece.uses)
        target.metrics.append((self.labels.unique(lines_of.label(label)), piece))

    def _update(self) -> Update:
        optimizer = self.config.optimizer
        why = "the file names none"
        kind = "optimizer" if optimizer is None else optimizer.named.kind
        if optimizer is not None:
            try:
                made = update_text(optimizer, self.version)
            except NoRule as error:
                why = str(error)
            else:
                self.notes += made.notes
                self._merged(made)
                return made
        self.notes.append(f"the optimizer {shown(kind)} has no rule: {why}")
        told = literal(f"train.py: choose an optimizer for {shown(kind)}: {why}")
        self.places.append(
            "def make_optimizer(\n"
            "    parameters: list[torch.nn.Parameter],\n"
            ") -> torch.optim.Optimizer:\n"
            '    """TODO: return the optimizer that Keras had."""\n'
            f"    raise SystemExit({told})"
        )
        return Update(Piece("make_optimizer(parameters)"))

    def _merged(self, update: Update) -> None:
        """Say where a norm of a Keras variable is not that of a torch parameter."""
        norms = {"clip_norms", "Lamb"}
        used = {u for p in (update.make, *update.clip) for u in p.uses}
        if not used & norms:
            return
        seen: set[int] = set()
        for weight in self.program.weights:
            values = {id(v) for v in weight.values}
            if weight.trainable and (len(values) > 1 or values & seen):
                self.notes.append(
                    f"{shown(weight.name)} is not one variable of Keras: norms taken "
                    "variable by variable differ there"
                )
            seen |= values

    # -- text
    def write(self) -> tuple[str, list[str]]:
        """Return the text, not yet formatted, and the notes."""
        for target, masked in zip(
            self.targets, masked_outputs(self.program), strict=True
        ):
            if masked and target.has_loss:
                self.notes.append(
                    f"the output {shown(target.output.name)} carries a mask: Keras "
                    "leaves masked steps out of loss and metrics, this script counts "
                    "them"
                )
        if not any(t.has_loss for t in self.targets):
            self._no_loss()
        parts = [*self._functions(), self._main()]
        body = "\n\n\n".join(parts)
        text = "\n".join([*self._head(body), "", *self._constants()])
        text += "\n\n\n" + body + '\n\n\nif __name__ == "__main__":\n    main()\n'
        return text, list(dict.fromkeys(self.notes))

    def _no_loss(self) -> None:
        target = self.targets[0]
        target.has_loss = True
        error = NoRule("the file names none")
        target.loss = self._missing_loss(target, "loss", error)

    def _head(self, body: str) -> list[str]:
        notes = list(dict.fromkeys(self.notes))
        notes += [f"layer {shown(path)}: {note}" for path, note in self.program.notes]
        lines = [
            '"""Train the model as Keras did: its loss, optimizer and metrics.',
            "",
        ]
        lines.append("Return your arrays from data() and run `python train.py`.")
        if notes:
            lines += ["", "What the file leaves open, or this script does otherwise:"]
            lines += [lines_of.wrapped(f"- {note}") for note in notes]
        lines += ['"""', ""]
        used = {n.id for n in ast.walk(ast.parse(body)) if isinstance(n, ast.Name)}
        if "math" in used:
            lines.append("import math")
        if abstract := sorted({"Callable", "Iterable"} & used):
            lines.append(f"from collections.abc import {', '.join(abstract)}")
        lines += ["", "import torch"]
        if "F" in used:
            lines.append("import torch.nn.functional as F")
        lines += [
            "from safetensors.torch import save_file",
            "from torch.utils.data import DataLoader"
            + ("" if self._words() else ", TensorDataset"),
            "",
            "from model import load",
        ]
        return lines_of.spaced(lines)

    def _constants(self) -> list[str]:
        return [
            "# What fit was given, which no model file holds:",
            "epochs = 10",
            "batch_size = 32",
            "shuffle = True",
            'device = "cuda" if torch.cuda.is_available() else "cpu"',
        ]

    def _functions(self) -> Iterator[str]:
        yield self._data()
        if self._words():
            yield self._collate()
        for target in self.targets:
            if target.loss is not None:
                self.uses.update(target.loss.uses)
            if target.logits is not None:
                self.uses.add("Logits")
        for piece in (self.update.make, *self.update.clip, self.update.decay):
            self.uses.update(piece.uses if piece is not None else ())
        if self.update.schedule is not None:
            self.uses.update(self.update.schedule.uses)
        yield from library.pieces(self.uses)
        yield from self.places
        if self.update.schedule is not None:
            yield (
                "def learning_rate(step: int) -> float:\n"
                '    """Return the rate of a step, not of an epoch, as in Keras."""\n'
                f"    return {self.update.schedule.text}"
            )
        if self.constraints.lines:
            yield "\n".join(
                [
                    "@torch.no_grad()",
                    "def constrain(model: torch.nn.Module) -> None:",
                    '    """Bring the weights back to where Keras keeps them."""',
                    *[f"    {line}" for line in self.constraints.lines],
                ]
            )
        yield self._criterion()
        yield self._metrics()
        yield self._evaluate()

    def _words(self) -> set[str]:
        """Return the inputs that are strings."""
        pairs = zip(self.inputs, self.program.inputs, strict=True)
        return {name for name, (_, tensor) in pairs if tensor.dtype == "string"}

    def _collate(self) -> str:
        return (
            "def collate(samples: list) -> list:\n"
            '    """Join samples to a batch: what is no tensor stays a list."""\n'
            "    return [\n"
            "        torch.stack(v) if torch.is_tensor(v[0]) else list(v)\n"
            "        for v in zip(*samples, strict=True)\n"
            "    ]"
        )

    def _data(self) -> str:
        kind = "list" if self._words() else "TensorDataset"
        lines = [
            f"def data() -> tuple[{kind}, {kind}]:",
            '    """Return what to train on and what to evaluate on, N samples each.',
            "",
        ]
        rows = [
            (name, f"{shape_text(tensor)} {tensor.dtype}{order_text(tensor)}")
            for name, (_, tensor) in zip(self.inputs, self.program.inputs, strict=True)
        ]
        for target in self.targets:
            if not target.used:
                continue
            tensor = target.tensor
            if target.sparse:
                shape = shape_text(tensor, drop=tensor.rank - 1)
                rows.append((target.true, f"{shape} int64, the number of the class"))
            else:
                shape = f"{shape_text(tensor)} float32{order_text(tensor)}"
                rows.append((target.true, shape))
        lines += [
            lines_of.wrapped(f"    {name}: {text}", "        ") for name, text in rows
        ]
        names = ", ".join(name for name, _ in rows)
        lines += [
            '    """',
            '    raise SystemExit("train.py: return your arrays from data() first")',
            *lines_of.commented(
                f"return list(zip({names})), list(...)"
                if self._words()
                else f"return TensorDataset({names}), TensorDataset(...)"
            ),
        ]
        return "\n".join(lines)

    def _given(self) -> list[str]:
        """Return what goes into criterion and the metrics: targets, predictions."""
        return [t.true for t in self.targets if t.used]

    def _criterion(self) -> str:
        arguments = []
        terms = []
        for k, target in enumerate(self.targets):
            if target.loss is None:
                continue
            arguments += [target.true, target.loss_input]
            weight = self.config.loss_weights[k]
            scale = "" if weight == 1 else f"{number(weight)} * "
            terms.append(scale + target.loss.text)
        typed = ", ".join(f"{a}: torch.Tensor" for a in arguments)
        return (
            f"def criterion({typed}) -> torch.Tensor:\n"
            '    """Return the loss of a batch."""\n'
            f"    return {' + '.join(terms)}"
        )

    def _metrics(self) -> str:
        lines = [
            "def make_metrics() -> dict[str, Mean]:"
            if all("Mean" in p.text for t in self.targets for _, p in t.metrics)
            else "def make_metrics() -> dict:",
            '    """Return what is measured, nothing counted yet."""',
            *[f"    {remark}" for remark in self.remarks],
            "    return {",
            '        "loss": Mean(),',
        ]
        for target in self.targets:
            for label, piece in target.metrics:
                lines.append(f"        {literal(label)}: {piece.text},")
        return "\n".join([*lines, "    }"])

    def _batch(self, metrics: str, *, training: bool) -> list[str]:
        """Return the statements of a batch: forward, loss, and the step."""
        values = [*self.inputs, *self._given()]
        values = [v for v in values if v not in self._words()]
        lines = [f"{v} = {v}.to(device)" for v in values]
        if 0 < len(values) <= 4:
            moved = ", ".join(f"{v}.to(device)" for v in values)
            lines = [f"{', '.join(values)} = {moved}"]
        # Where the loss takes logits and there are no metrics, nobody reads it.
        predicted = [
            t.predicted if t.metrics or (t.has_loss and t.logits is None) else "_"
            for t in self.targets
        ]
        call = f"model({', '.join(self.inputs)})"
        unread = set(predicted) == {"_"}
        call = call if unread else f"{', '.join(predicted)} = {call}"
        if self.half is not None:
            # Keras computes losses and metrics in float32, whatever the policy.
            lines.append(f"with torch.autocast(device, dtype=torch.{self.half}):")
            call = f"    {call}"
        lines.append(call)
        if self.half is not None:
            lines += [f"{p} = {p}.float()" for p in predicted if p != "_"]
        arguments = []
        for target in self.targets:
            if target.loss is not None:
                value = ".value" if target.logits is not None else ""
                if value and self.half is not None:
                    value += ".float()"
                arguments += [target.true, target.loss_input + value]
        loss = f"loss = criterion({', '.join(arguments)})"
        lines.append(loss + (" + model.regularization()" if self.penalty else ""))
        if training:
            scaled = self.half == "float16"
            lines += ["optimizer.zero_grad()"]
            lines += ["scaler.scale(loss).backward()" if scaled else "loss.backward()"]
            if scaled and self.update.clip:
                lines.append("scaler.unscale_(optimizer)")
            lines += [piece.text for piece in self.update.clip]
            if self.update.schedule is not None:
                lines.append("for group in optimizer.param_groups:")
                lines.append('    group["lr"] = learning_rate(step)')
            if self.update.decay is not None:
                lines.append(self.update.decay.text)
            lines.append("scaler.step(optimizer)" if scaled else "optimizer.step()")
            if scaled:
                lines.append("scaler.update()")
            if self.constraints.lines:
                lines.append("constrain(model)")
            if self.update.schedule is not None:
                lines.append("step += 1")
        lines.append(f'{metrics}["loss"].add(loss, len({self.inputs[0]}))')
        for target in self.targets:
            for label, _ in target.metrics:
                name = literal(label)
                update = f"update({target.true}, {target.predicted})"
                lines.append(f"{metrics}[{name}].{update}")
        return lines

    def _logits(self) -> list[tuple[str, str]]:
        return [(t.caught, t.logits) for t in self.targets if t.logits is not None]

    def _evaluate(self) -> str:
        caught = "".join(f", {name}: Logits" for name, _ in self._logits())
        values = ", ".join([*self.inputs, *self._given()])
        kind, collate = "TensorDataset", ""
        if self._words():
            kind, collate = "list", ", collate_fn=collate"
        lines = [
            "@torch.no_grad()",
            f"def evaluate(model: torch.nn.Module{caught}, dataset: {kind}) "
            "-> dict[str, float]:",
            '    """Return loss and metrics over a dataset."""',
            "    model.eval()",
            "    metrics = make_metrics()",
            f"    for {values} in DataLoader(dataset, batch_size{collate}):",
            *[f"        {line}" for line in self._batch("metrics", training=False)],
            "    return {name: m.result() for name, m in metrics.items()}",
        ]
        return "\n".join(lines)

    def _main(self) -> str:
        values = ", ".join([*self.inputs, *self._given()])
        caught = self._logits()
        collate = ", collate_fn=collate" if self._words() else ""
        handed = "".join(f", {name}" for name, _ in caught)
        lines = [
            "def main() -> list[dict[str, float]]:",
            '    """Train, evaluate after each epoch, and keep the weights."""',
            "    train_set, test_set = data()",
            "    model = load(device=device)",
            *[f"    {name} = Logits(model.{layer})" for name, layer in caught],
            "    parameters = [p for p in model.parameters() if p.requires_grad]",
            f"    optimizer = {self.update.make.text}",
            # Keras' LossScaleOptimizer begins with the same scale.
            "    scaler = torch.amp.GradScaler(device, init_scale=2.0**15)"
            if self.half == "float16"
            else "",
            "    step = 0" if self.update.schedule is not None else "",
            "    history = []",
            "    for epoch in range(epochs):",
            "        model.train()",
            "        metrics = make_metrics()",
            f"        for {values} in DataLoader("
            f"train_set, batch_size, shuffle{collate}):",
            *[f"            {line}" for line in self._batch("metrics", training=True)],
            "        seen = {name: m.result() for name, m in metrics.items()}",
            f"        for name, value in evaluate(model{handed}, test_set).items():",
            '            seen[f"val_{name}"] = value',
            "        history.append(seen)",
            '        line = "  ".join(f"{k} {v:.4f}" for k, v in seen.items())',
            '        print(f"epoch {epoch + 1}/{epochs}  {line}")',
            '    # load("trained.safetensors") has them; model.safetensors stays.',
            '    save_file(model.state_dict(), "trained.safetensors")',
            "    return history",
        ]
        return "\n".join(line for line in lines if line)
