"""How well recipes agree: ``PYTHONPATH=.:tests python -m recipes.measure NAMES``.

Prints for each result the difference of the two sides, for each rule what dropping it
does, for a pitfall its symptom: what ``recipe.yaml`` has to state.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from recipes.proving import answers, difference

from keras2torch.recipes import catalogue, find


def main() -> None:
    recipes = [find(n) for n in sys.argv[1:]] or list(catalogue())
    with tempfile.TemporaryDirectory() as folder:
        found = answers(recipes, Path(folder))
    for recipe in recipes:
        mine = {
            key.partition("/")[2]: answer
            for key, answer in found.items()
            if key.startswith(f"{recipe.name}/")
        }
        seconds = {side: f"{a['seconds']:.1f} s" for side, a in mine.items()}
        print(f"{recipe.name}: {seconds}")
        for side, answer in mine.items():
            if answer["error"]:
                print(f"  {side} failed:\n{answer['error']}")
        left, right = (mine[s.path.stem]["results"] for s in recipe.sides)
        for name in left | right:
            if recipe.symptom:
                print(f"  {name}: {left.get(name)} -> {right.get(name)}")
            else:
                apart = difference(left.get(name), right.get(name))
                print(f"  {name}: differs by {apart:.2g}")
        for i, rule in enumerate(recipe.without):
            got = mine[f"without {i}"]["results"].get(rule.result)
            apart = difference(left.get(rule.result), got)
            print(f"  without {rule.rule!r}: {apart:.3g}, stated {rule.differs}")


if __name__ == "__main__":
    main()
