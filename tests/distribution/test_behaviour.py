"""Of several processes one writes, all stop together, and none waits for ever."""

import csv
import json
import time

import numpy as np
import pytest
from distribution.launching import HERE, started


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder, what was printed, and what each process found."""
    folder = tmp_path_factory.mktemp("behaviour")
    done = started([HERE / "behaviour.py", folder], several=True)
    assert done.returncode == 0, done.stderr[-6000:]
    each = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    return folder, done.stdout, each


def test_one_process_prints(ran):
    printed = ran[1]
    assert [printed.count(f"Epoch {n}/3") for n in (1, 2, 3)] == [1, 1, 1]
    assert printed.count("Total params") == 1


def test_one_process_writes_and_the_others_wait(ran):
    folder, _, each = ran
    with (folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for answers in each:
        assert answers["files"] == ["1.keras", "2.keras", "3.keras"]
        assert answers["seen"] == 3
        np.testing.assert_allclose(answers["reads"], answers["predicts"], atol=1e-6)
    assert not (folder / "backup").exists()  # deleted at the end, by one of them
    assert (folder / "alone.keras").exists()


def test_weights_are_those_of_the_first_process(ran):
    _, _, (first, second) = ran
    assert first["predicts"] == second["predicts"]
    assert len(first["predicts"]) == 20


def test_all_stop_when_one_does(ran):
    _, _, (first, second) = ran
    assert first["stopped"] == second["stopped"] == 2
    assert first["early"] == second["early"]
    assert first["early"][0] == 2
    assert first["early"][1] < 0.002
    assert first["losses"] == second["losses"]
    assert len(first["losses"]) == 3


def test_dropout_differs_and_other_chance_does_not(ran):
    _, _, (first, second) = ran
    both = set(first["kept"]) & set(second["kept"])
    assert 150 < len(both) < 350  # a quarter, not a half
    assert first["drawn after"] == second["drawn after"]


def test_data_that_end_sooner_in_one_process_end_in_all(ran):
    assert all(answers["warned"] for answers in ran[2])


def test_a_failure_is_told_to_all(ran):
    _, _, (first, second) = ran
    assert "another process failed" in first["failed"]
    assert second["failed"] == "OSError: the disk is gone"
    assert first["written"] == "OSError: the disk is full"
    assert "process 0 failed to write: OSError" in second["written"]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("lengths", "between 19 and 20 samples"),
        ("sizes", "batches of 4 to 5 rows"),
        ("models", "models of different weights"),
        ("function", "override train_step"),
        ("across", "Adafactor takes whole weights"),
        ("called", "no Sequential or Model of symbolic tensors"),
    ],
)
def test_what_cannot_be_carried_is_an_error(ran, what, told):
    for answers in ran[2]:
        assert answers[what].startswith("ValueError")
        assert told in answers[what]


def test_data_of_each_process_make_one_batch(ran):
    for answers in ran[2]:
        apart, together = answers["apart"]
        np.testing.assert_allclose(apart, together, rtol=1e-6)
        assert answers["devices"] == ["cpu:0", "cpu:1"]
        assert answers["mesh"] == [2]


@pytest.mark.slow
def test_one_that_fails_within_a_step_ends_all(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, numpy as np, keras2torch as keras\n"
        "def loss(y, p):\n"
        "    if os.environ['RANK'] == '1':\n"
        "        raise OSError('out of order')\n"
        "    return keras.losses.mean_squared_error(y, p)\n"
        "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])\n"
        "model.compile('sgd', loss)\n"
        "model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)\n"
    )
    begun = time.monotonic()
    done = started([script], several=True)
    assert done.returncode != 0
    assert "out of order" in done.stderr
    assert time.monotonic() - begun < 120
