"""Lines on standard output, as Keras writes them."""

from __future__ import annotations

import logging
import os
import sys

from keras2torch.configuration import settings
from keras2torch.distribution.processes import is_main


def print_msg(message: str, line_break: bool = True) -> None:
    """Write a message at once; what the encoding lacks becomes plain ASCII.

    With interactive logging disabled it goes to Python's logging. Of several processes
    one speaks.
    """
    if not is_main():
        return
    if not settings.interactive_logging:
        logging.getLogger("keras2torch").info(message)
        return
    message = f"{message}\n" if line_break else message
    try:
        sys.stdout.write(message)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "utf-8"
        plain = message.replace("━", "=")
        sys.stdout.write(plain.encode(encoding, errors="ignore").decode(encoding))
    sys.stdout.flush()


def redraws() -> bool:
    """Return whether a line can be drawn over: in terminals and notebooks."""
    return (
        (hasattr(sys.stdout, "isatty") and sys.stdout.isatty())
        or "ipykernel" in sys.modules
        or "PYCHARM_HOSTED" in os.environ
    )
