"""The search for the labels that logits of CTC most probably say.

Source: ``tensorflow/core/util/ctc/ctc_beam_search.h`` (2.21): a prefix is followed with
two probabilities, those of ending in a blank and in its last label.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

Prefix = tuple[int, ...]


@dataclass
class _Ends:
    """Logarithms of the probabilities of both ends of a prefix."""

    blank: float = -np.inf
    label: float = -np.inf

    @property
    def total(self) -> float:
        return float(np.logaddexp(self.blank, self.label))


def best_labels(
    logs: Any, blank: int, beam_width: int, top_paths: int
) -> list[tuple[list[int], float]]:
    """Return the best prefixes and the logarithms of their probabilities.

    Parameters
    ----------
    logs
        Logarithms of the probabilities, (steps, classes).
    blank
        The class that stands for none.
    beam_width, top_paths
        How many prefixes are followed, and how many are wanted.
    """
    if top_paths > beam_width:
        raise ValueError(
            f"ctc_decode: top_paths={top_paths} are wanted of beam_width={beam_width}."
        )
    beams: dict[Prefix, _Ends] = {(): _Ends(blank=0.0)}
    for step in np.asarray(logs):
        grown: dict[Prefix, _Ends] = defaultdict(_Ends)
        for prefix, ends in beams.items():
            own = grown[prefix]
            own.blank = float(np.logaddexp(own.blank, ends.total + step[blank]))
            last = prefix[-1] if prefix else None
            for label, log in enumerate(step.tolist()):
                if label == blank:
                    continue
                if label == last:
                    own.label = float(np.logaddexp(own.label, ends.label + log))
                before = ends.blank if label == last else ends.total
                if before > -np.inf:
                    longer = grown[(*prefix, label)]
                    longer.label = float(np.logaddexp(longer.label, before + log))
        ranked = sorted(grown.items(), key=lambda item: -item[1].total)
        beams = dict(ranked[:beam_width])
    found = [(list(prefix), ends.total) for prefix, ends in beams.items()][:top_paths]
    if len(found) < top_paths:
        raise ValueError(
            f"ctc_decode: {len(logs)} steps do not have {top_paths} different results."
        )
    return found
