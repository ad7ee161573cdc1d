"""An activation writes over its input where nothing else can see it, and only there."""

from __future__ import annotations

import pytest

from keras2torch.program.classtext import ClassText
from keras2torch.program.docstrings import Docstring
from keras2torch.program.inplace import write_over

CONV = "self.conv = nn.Conv2d(3, 4, kernel_size=3)"
NORM = "self.norm = nn.BatchNorm2d(4)"
BLOCK = "self.block = Block(4)"
OVER = ", inplace=True"


def _class(name: str, init: list[str], forward: list[str]) -> ClassText:
    return ClassText(
        name, "", Docstring("", False, ""), init=init, arguments=["x"], forward=forward
    )


def _over(init: list[str], forward: list[str], *before: ClassText) -> ClassText:
    text = _class("Net", init, forward)
    write_over([*before, text])
    return text


@pytest.mark.parametrize(
    "forward",
    [
        ["x = F.relu(self.conv(x)~)", "return x"],
        ["return self.conv(F.silu(self.norm(x)~))"],
        ["x = self.conv(x)", "return F.relu6(x~)"],
        ["x = self.conv(x)", "x = F.hardswish(x~)", "return x"],
        ["y = self.conv(x)", "y = y + x", "return F.relu(y~)"],
        ["y = self.conv(x)", "y = F.relu(y~)", "return x + y"],
        ["y = self.conv(x)", "z = F.silu(y~)", "y = z.mean((2, 3))", "return y * z"],
        ["for turn in range(2):", "    x = self.conv(x)", "    x = F.relu(x~)"],
        ["y = F.silu(self.conv(x)~) if self.flag else x", "return F.relu(x + y~)"],
        ["x = self.block(x)", "return F.relu(x~)"],
        ["return F.relu(self.convs(x)~)"],
        ["return F.relu(self.either(x)~)"],
        # Something else reads it, before or after.
        ["y = self.conv(x)", "z = F.relu(y)", "return y + z"],
        ["y = self.conv(x)", "z = y.mean()", "y = F.relu(y)", "return y * z"],
        ["y = self.conv(x)", "z = y", "y = F.relu(y)", "return y * z"],
        ["y = self.conv(x)", "return F.relu(y) + y"],
        ["y = self.conv(x)", "return F.relu(y), y"],
        [
            "y = self.conv(x)",
            "for turn in range(2):",
            "    x = F.relu(y)",
            "    y = self.norm(x)",
        ],
        [
            "for turn in range(2):",
            "    y = self.conv(x)",
            "    z = F.relu(y)",
            "    x = z + x",
            "return x + y",
        ],
        # It is not known to be a tensor of its own, or its gradient needs it.
        ["return F.relu(x)"],
        ["x = self.dropout(x)", "return F.relu(x)"],
        ["x = self.maybe(x)", "return F.relu(x)"],
        ["x = x.flatten(1)", "return F.relu(x)"],
        ["x = self.conv(x) if self.flag else x", "return F.relu(x)"],
        ["x = torch.sigmoid(self.conv(x))", "return F.relu(x)"],
        ["x = self.activated(x)", "return F.silu(x)"],
        ["return F.relu(x / 2)"],
        # These know no such argument.
        ["return torch.tanh(self.conv(x))"],
    ],
    ids=" ; ".join,
)
def test_forward(forward: list[str]) -> None:
    """``~`` stands where the argument is to be."""
    block = _class("Block", [CONV], ["x = F.relu(x)", "return self.conv(x)"])
    init = [
        CONV,
        NORM,
        BLOCK,
        "self.convs = nn.Sequential(nn.Conv2d(3, 4, 1), Block(3))",
        "self.either = nn.Conv2d(3, 4, 1) if flag else Block(3)",
        "self.maybe = nn.Conv2d(3, 4, 1) if flag else nn.Identity()",
        "self.dropout = nn.Dropout(0.5)",
        "self.activated = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())",
    ]
    text = _over(init, [line.replace("~", "") for line in forward], block)
    assert text.forward == [line.replace("~", OVER) for line in forward]


@pytest.mark.parametrize(
    "entries",
    [
        "nn.Conv2d(3, 4, 1), nn.ReLU(~)",
        "nn.BatchNorm2d(4), nn.ReLU6(~), nn.Conv2d(4, 4, 1), nn.SiLU(~), nn.Dropout()",
        "Block(3), nn.Hardswish(~)",
        "nn.ReLU(), nn.Conv2d(4, 4, 1)",
        "nn.Dropout(), nn.ReLU()",
        "nn.Conv2d(3, 4, 1), nn.Identity(), nn.ReLU()",
        "nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4)",
        "*[Block(3) for _ in range(3)], nn.ReLU()",
        "nn.Conv2d(3, 4, 1), nn.ReLU(), nn.SiLU()",
    ],
)
def test_runs(entries: str) -> None:
    block = _class("Block", [CONV], ["return self.conv(x)"])
    line = f"self.run = nn.Sequential({entries})"
    if entries.endswith("nn.ReLU(), nn.SiLU()"):
        # Of two in a row the second would take what the first one's gradient needs.
        line = line.replace("nn.ReLU()", "nn.ReLU(~)")
    text = _over([line.replace("~", "")], ["return self.run(x)"], block)
    assert text.init == [line.replace("~", "inplace=True")]


def test_a_network_without_images_is_left_as_it_is() -> None:
    lines = ["x = x + 1", "return F.relu(x)"]
    text = _over(["self.dense = nn.Linear(3, 4)"], lines)
    assert text.forward == lines


def test_a_block_that_ends_with_an_activation_makes_nothing() -> None:
    """Its result is needed for the gradient of that activation."""
    block = _class("Block", [CONV], ["return F.relu(self.conv(x))"])
    text = _over([CONV, BLOCK], ["return F.silu(self.block(x))"], block)
    assert block.forward == ["return F.relu(self.conv(x), inplace=True)"]
    assert text.forward == ["return F.silu(self.block(x))"]
