"""The logs of every epoch, sent to a server."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.logs import Logs

try:
    import requests
except ImportError:
    requests = None  # type: ignore[assignment]


class RemoteMonitor(Callback):
    """Posts the logs of each epoch to a server; needs the package ``requests``.

    Parameters
    ----------
    root, path
        Where to, together.
    field
        The field of the form that holds the JSON.
    headers
        HTTP headers to add.
    send_as_json
        Send JSON as the body, not in a form.

    Raises
    ------
    ImportError
        At the end of an epoch, if ``requests`` is not installed.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/remote_monitor.py``.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if requests is None:
            raise ImportError("RemoteMonitor requires the `requests` library.")
        send: dict[str, Any] = {"epoch": epoch}
        for name, value in (logs or {}).items():
            one = isinstance(value, np.ndarray | np.generic)
            send[name] = value.item() if one else value
        try:
            if self.send_as_json:
                requests.post(self.root + self.path, json=send, headers=self.headers)
            else:
                requests.post(
                    self.root + self.path,
                    {self.field: json.dumps(send)},
                    headers=self.headers,
                )
        except requests.exceptions.RequestException:
            warnings.warn(
                f"Could not reach RemoteMonitor root server at {self.root}",
                stacklevel=2,
            )
