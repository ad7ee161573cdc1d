"""A training of two processes gives the numbers of one.

What Keras finds in one process is recorded; ``record.py`` asks anew.
"""

import numpy as np
import pytest
from distribution.cases import CASES
from distribution.launching import found, recorded
from distribution.torch_cases import TORCH_CASES

# Numbers about the way, not about the result.
OF_A_PROCESS = {"cut/parts"}


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """What each of two processes finds."""
    out = tmp_path_factory.mktemp("two") / "found"
    return found("keras2torch", out, [*CASES, *TORCH_CASES], several=True)


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    """What one process finds."""
    out = tmp_path_factory.mktemp("one") / "found"
    return found("keras2torch", out, [*TORCH_CASES])[0]


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_losses_metrics_and_weights_are_those_of_keras(of_two, case, rank):
    same(of_two[rank], recorded(), case, 2e-6)


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("case", TORCH_CASES)
def test_what_torch_alone_has_is_as_in_one_process(of_two, of_one, case, rank):
    same(of_two[rank], of_one, case, 1e-6)


def test_fsdp_cuts_the_weights(of_two, of_one):
    parts = [int(answers["cut/parts"]) for answers in of_two]
    assert sum(parts) == of_one["cut/parts"]
    assert max(parts) < 0.6 * sum(parts)


@pytest.mark.slow
@pytest.mark.needs_keras
def test_keras_still_answers_as_recorded(tmp_path):
    (answers,) = found("keras", tmp_path / "found", CASES)
    for case in CASES:
        same(answers, recorded(), case, 1e-6)


def same(answers, expected, case, tolerance):
    names = {n for n in expected if n.startswith(f"{case}/")}
    assert names
    assert names == {n for n in answers if n.startswith(f"{case}/")}
    for name in sorted(names - OF_A_PROCESS):
        largest = max(1.0, np.abs(expected[name]).max())
        np.testing.assert_allclose(
            answers[name],
            expected[name],
            rtol=0,
            atol=tolerance * largest,
            err_msg=name,
        )
