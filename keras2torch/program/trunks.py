"""The trunk of a residual block: a person calls it ``x``, and what branches off ``y``.

``y = self.attention(x)``, ``x = self.norm(x + y)``, and the same once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keras2torch.layout import Step


def trunks(steps: Sequence[Step], uses: Mapping[int, list[int]]) -> set[int]:
    """Return the results from which a simple branch leaves and comes back.

    Until the last step that reads such a result, each result is read by the next step
    only.
    """
    near = [
        all(set(uses.get(id(t), [])) <= {i + 1} for t in step.writes)
        for i, step in enumerate(steps)
    ]
    found = set()
    for i, step in enumerate(steps):
        for tensor in step.writes:
            read = uses.get(id(tensor), [])
            branch = range(i + 1, max(read, default=0))
            if branch and read[-1] < len(steps) and all(near[k] for k in branch):
                found.add(id(tensor))
    return found
