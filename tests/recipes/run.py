"""Run sides of recipes in one process: ``python run.py SIDE JOBS.json OUT.json``.

SIDE is ``keras`` or ``torch``. JOBS is a list of ``{"key", "path", "text"}``: the text
is run as the script at that path would be, in an empty folder. OUT gets, by key,
``{"results", "printed", "left", "seconds", "error"}``, ``left`` being what the script
left lying in its folder.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["MPLBACKEND"] = "agg"


def plain(value: Any) -> Any:
    """Numbers, texts, lists and dicts of them."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        array = array.astype(str) if array.dtype.kind in "SUO" else array.astype(float)
    return array.tolist()


def fresh(side: str) -> None:
    """Forget what the side before left behind."""
    if side == "keras":
        import keras

        keras.utils.clear_session(free_memory=False)
        keras.config.set_dtype_policy("float32")
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
    else:
        import torch

        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
        torch.set_grad_enabled(True)
        torch.manual_seed(0)


def run(job: dict[str, str]) -> dict[str, Any]:
    printed = io.StringIO()
    names = {"__name__": "__main__", "__file__": job["path"]}
    found: dict[str, Any] = {"results": {}, "error": None}
    home = os.getcwd()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        os.chdir(folder)
        try:
            exec(compile(job["text"], job["path"], "exec"), names)
            found["results"] = plain(names["results"])
        except Exception:
            found["error"] = traceback.format_exc()
        finally:
            found["left"] = os.listdir(folder)
            os.chdir(home)
    found["printed"] = printed.getvalue()
    found["seconds"] = time.perf_counter() - began
    return found


def main() -> None:
    side, jobs, out = sys.argv[1:]
    warnings.simplefilter("ignore")
    answers = {}
    for job in json.loads(Path(jobs).read_text()):
        fresh(side)
        answers[job["key"]] = run(job)
    # Under torchrun the first process speaks for all.
    if os.environ.get("RANK", "0") == "0":
        Path(out).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
