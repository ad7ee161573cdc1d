"""Print the functions below as Keras stores them; runs on Python 2.7 and 3.

``for python in python2.7 python3.6 ...; do $python make_stored_functions.py; done``
made ``stored_functions.jsonl``.
"""

from __future__ import division  # noqa: UP010 (Python 2.7)

import codecs
import json
import marshal
import sys

# Not needed to compile them.
np = None


def functions():
    scale = 2.5
    off = [1, 2]

    def named(x, a=1):
        h = x * a
        y = h + 1
        return y / (h - 100.0)

    def branch(x, flag=None):
        if flag is None:
            return x + 1
        elif flag > 3:
            x = x * 2
        return x - flag

    def loop(x):
        out = []
        for i in range(3):
            out.append(x[:, i] * i)
        total = 0
        for o in out:
            total = total + o
        return total

    def unpack(args):
        m, v = args
        shape = np.shape(m)
        return m + np.exp(0.5 * v) * np.ones(shape=(shape[0], shape[1]))

    def comp(x):
        return np.concatenate([x[:, i : i + 1] ** i for i in range(3)], axis=-1)

    return [
        lambda x: x * 2 + 1,
        lambda x: np.abs(x[0] - x[1]),
        lambda x: x[:, 0],
        lambda x: x[:, -1, :] if x.ndim > 2 else x[..., ::2],
        lambda x: np.sum(x, axis=1, keepdims=True) / 255.0,
        lambda x: np.expand_dims(x, -1),
        lambda x: x * scale + off[1],
        lambda t: np.sqrt(
            np.maximum(np.sum(np.square(t[0] - t[1]), axis=1, keepdims=True), 1e-7)
        ),
        lambda x, a=3: x**a - x // 2 % 3,
        lambda x: np.reshape(x, (-1, x.shape[1] * 2 // 2)),
        lambda x: (x > 0.2) * x + (-x) * ~(x > 0.5),
        lambda x: np.concatenate([x, x], axis=-1)[:, 1:3],
        lambda x: np.transpose(x, (1, 0)).dot(x),
        lambda x: x.mean(axis=0) if x.shape[0] == 3 and x.shape[1] != 9 else x,
        named,
        branch,
        loop,
        unpack,
        comp,
    ]


if __name__ == "__main__":
    stored = [
        codecs.encode(marshal.dumps(function.__code__), "base64").decode("ascii")
        for function in functions()
    ]
    python = "{}.{}".format(*sys.version_info[:2])
    print(json.dumps({"python": python, "stored": stored}))
