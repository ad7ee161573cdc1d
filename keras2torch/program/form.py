"""In which of its forms a program is written: what the user chose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from keras2torch.layout import Choice


@dataclass(frozen=True)
class Form:
    """The choices that change the text of a program, not what it computes.

    Attributes
    ----------
    layout
        ``"torch"``: channels first at the boundary; ``"keras"``: Keras' order.
    flat
        One line a layer: what the model repeats is not made a class.
    faithful
        Keras' numbers in training come before idiom.
    """

    layout: Choice = "torch"
    flat: bool = False
    faithful: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``report.json`` has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Form:
        """Return what :meth:`to_dict` described; the default for anything else."""
        found = data if isinstance(data, dict) else {}
        return cls(
            layout="keras" if found.get("layout") == "keras" else "torch",
            flat=found.get("flat") is True,
            faithful=found.get("faithful") is True,
        )

    @classmethod
    def every(cls) -> Iterator[Form]:
        """Give all forms, the default first."""
        layouts: tuple[Choice, ...] = ("torch", "keras")
        for faithful in (False, True):
            for flat in (False, True):
                for layout in layouts:
                    yield cls(layout, flat, faithful)
