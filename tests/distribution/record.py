"""Ask Keras for the cases and keep its answers.

``PYTHONPATH=.:tests python -m distribution.record``, from the root of the repository.
"""

import tempfile
from pathlib import Path

import numpy as np
from distribution.cases import CASES
from distribution.launching import RECORDED, fingerprint, found


def main():
    with tempfile.TemporaryDirectory() as folder:
        (answers,) = found("keras", Path(folder, "answers"), CASES)
    np.savez_compressed(RECORDED, source=fingerprint(), **answers)


if __name__ == "__main__":
    main()
