"""Made-up data of the right shapes, for scripts that would download theirs.

Every class of it can be learned, so that a loss that falls says something.
"""

from __future__ import annotations

import builtins
import io
import zipfile
from pathlib import Path

import numpy as np

NUMBER, HELD_OUT = 500, 200
# Of these so many are drawn, and repeated to the size that scripts count on.
SIZES = {10: (60000, 10000), 100: (50000, 10000)}


# ------------------------------------------------------------------------- datasets
def images(shape, classes, seed):
    """``load_data`` of pictures: each class is one pattern, under noise."""

    def load_data(*_arguments, **_named):
        rng = np.random.RandomState(seed)
        patterns = rng.uniform(0, 1, (classes, *shape)) ** 3
        column = len(shape) == 3  # the labels of CIFAR stand in a column

        def made(number, wanted):
            y = rng.randint(0, classes, number).astype("uint8")
            x = 0.7 * patterns[y] + 0.3 * rng.uniform(0, 1, (number, *shape))
            again = np.arange(wanted) % number
            x, y = (255 * x).astype("uint8")[again], y[again]
            return x, y[:, None] if column else y

        many, few = SIZES[classes]
        return made(NUMBER, many), made(HELD_OUT, few)

    return load_data


def sequences(classes, seed):
    """``load_data`` of words: each class has words that it uses more."""

    def load_data(*_arguments, num_words=10000, maxlen=None, **_named):
        rng = np.random.RandomState(seed)
        words = min(num_words or 10000, 10000)
        longest = min(maxlen or 60, 60)

        def made(number):
            y = rng.randint(0, classes, number)
            x = []
            for label in y:
                length = rng.randint(10, longest + 1)
                own = rng.randint(4 + 10 * label, 14 + 10 * label, length)
                any_word = rng.randint(4, words, length)
                mine = rng.uniform(0, 1, length) < 0.5
                x.append([1, *np.where(mine, own, any_word).tolist()][:length])
            return np.array(x, dtype=object), y.astype("int64")

        return made(NUMBER), made(HELD_OUT)

    return load_data


def houses(*_arguments, **_named):
    """``load_data`` of Boston housing: thirteen numbers and a price."""
    rng = np.random.RandomState(9)

    def made(number):
        x = rng.normal(0, 1, (number, 13))
        return x, 20 + x @ np.linspace(-2, 2, 13) + rng.normal(0, 0.5, number)

    return made(404), made(102)


DATASETS = {
    "mnist": images((28, 28), 10, 1),
    "fashion_mnist": images((28, 28), 10, 5),
    "cifar10": images((32, 32, 3), 10, 6),
    "cifar100": images((32, 32, 3), 100, 7),
    "imdb": sequences(2, 8),
    "reuters": sequences(46, 8),
    "boston_housing": houses,
}


# ---------------------------------------------------------------------------- files
def payments():
    """Lines of creditcard.csv: 30 columns and a quoted class, few of them ones."""
    rng = np.random.RandomState(2)
    y = rng.uniform(0, 1, 6000) < 0.03
    x = rng.normal(0, 1, (6000, 30)) + 0.7 * y[:, None] * rng.normal(0, 1, 30)
    names = ["Time", *(f"V{n}" for n in range(1, 29)), "Amount", "Class"]
    lines = [",".join(f'"{name}"' for name in names)]
    lines += [
        ",".join(f"{v:.6f}" for v in row) + f',"{int(one)}"'
        for row, one in zip(x, y, strict=True)
    ]
    return "\n".join(lines) + "\n"


def opened(path, *arguments, **named):
    """``open``, but for the file that only its author has."""
    if str(path).endswith("creditcard.csv"):
        return io.StringIO(payments())
    return builtins.open(path, *arguments, **named)


def engines(name, *_arguments, **_named):
    """A table of FordA: the class (-1 or 1), then 500 steps of normalised noise."""
    rng = np.random.RandomState(3 if "TRAIN" in str(name) else 4)
    number = 240 if "TRAIN" in str(name) else 96
    y = rng.choice([-1, 1], number)
    steps = np.arange(500)
    speed = np.where(y > 0, 0.11, 0.13)[:, None]
    x = np.sin(speed * steps + rng.uniform(0, 6, (number, 1)))
    x = x + rng.normal(0, 0.7, x.shape)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    return np.concatenate([y[:, None], x], axis=1)


def prose():
    """A text in small letters, whose words follow each other by a rule."""
    rng = np.random.RandomState(10)
    words = ["the", "soul", "of", "man", "is", "a", "bridge", "and", "not", "an", "end"]
    at, found = 0, []
    for _ in range(4000):
        at = (at + 1 + int(rng.uniform(0, 1) < 0.2)) % len(words)
        found.append(words[at])
    return " ".join(found)


def sentences():
    """Lines of fra.txt: English, French, and who says so."""
    one = ["Go.", "Run!", "Stop!", "Wait.", "I see.", "I won.", "Help me.", "Hold on."]
    two = ["Va !", "Cours !", "Stop !", "Attends.", "Je vois.", "Gagné.", "À l'aide."]
    two.append("Une seconde.")
    rng = np.random.RandomState(11)
    lines = [(one[i], two[i]) for i in rng.randint(0, len(one), 400)]
    return "".join(f"{a}\t{b}\tCC-BY 2.0\n" for a, b in lines)


def weather():
    """Lines of jena_climate: a time and fourteen measurements."""
    names = [
        "p (mbar)", "T (degC)", "Tpot (K)", "Tdew (degC)", "rh (%)", "VPmax (mbar)",
        "VPact (mbar)", "VPdef (mbar)", "sh (g/kg)", "H2OC (mmol/mol)",
        "rho (g/m**3)", "wv (m/s)", "max. wv (m/s)", "wd (deg)",
    ]  # fmt: skip
    rng = np.random.RandomState(12)
    steps = np.arange(9000)
    columns = [
        np.sin(steps / 40 + n) + rng.normal(0, 0.1, len(steps))
        for n in range(len(names))
    ]
    head = ",".join(["Date Time", *(f'"{n}"' for n in names)])
    rows = [
        f"01.01.2009 00:{i % 60:02d}:00," + ",".join(f"{c[i]:.3f}" for c in columns)
        for i in steps
    ]
    return "\n".join([head, *rows]) + "\n"


def ratings():
    """Lines of ratings.csv and movies.csv: users like films of their own kind."""
    rng = np.random.RandomState(13)
    users, films = rng.randint(1, 60, 2000), rng.randint(1, 90, 2000)
    stars = np.clip(3 + 1.5 * np.cos(users * 0.7 - films * 0.7), 0.5, 5)
    lines = [
        f"{u},{f},{round(2 * s) / 2},964982703"
        for u, f, s in zip(users, films, stars, strict=True)
    ]
    names = [f"{n},Film {n} (1999),Drama|Comedy" for n in range(1, 90)]
    return (
        "\n".join(["userId,movieId,rating,timestamp", *lines]) + "\n",
        "\n".join(["movieId,title,genres", *names]) + "\n",
    )


def machines(path, *_arguments, **_named):
    """A table of the Numenta benchmark: one value each five minutes of 14 days."""
    import pandas as pd

    rng = np.random.RandomState(14)
    steps = np.arange(4032)
    value = 50 + 20 * np.sin(2 * np.pi * steps / 288) + rng.normal(0, 1, len(steps))
    if "jumpsup" in str(path):
        value[3000:3100] += 60
    times = pd.date_range("2014-04-01", periods=len(steps), freq="5min")
    return pd.DataFrame({"value": value}, index=pd.Index(times, name="timestamp"))


def moving(folder):
    """Pictures that move: a square goes its way, 20 steps of 64 x 64."""
    rng = np.random.RandomState(15)
    found = np.zeros((20, 1000, 64, 64), "uint8")
    begin, speed = rng.randint(8, 40, (1000, 2)), rng.randint(-2, 3, (1000, 2))
    for step in range(20):
        for n in range(60):
            y, x = np.clip(begin[n] + step * speed[n], 0, 56)
            found[step, n, y : y + 8, x : x + 8] = 255
    path = folder / "mnist_test_seq.npy"
    np.save(path, found)
    return path


def zipped(path, files):
    """A zip archive of texts."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def get_file(fname=None, origin=None, *_arguments, extract=False, **_named):
    """``keras.utils.get_file`` of the few files that the scripts ask for."""
    folder = Path.cwd() / "downloads"
    folder.mkdir(exist_ok=True)
    name = str(origin or fname).rpartition("/")[2]
    made = {
        "nietzsche.txt": lambda: written(folder / name, prose()),
        "fra-eng.zip": lambda: zipped(folder / name, {"fra.txt": sentences()}),
        "jena_climate_2009_2016.csv.zip": lambda: zipped(
            folder / name, {"jena_climate_2009_2016.csv": weather()}
        ),
        "ml-latest-small.zip": lambda: zipped(
            folder / name,
            dict(
                zip(
                    ("ml-latest-small/ratings.csv", "ml-latest-small/movies.csv"),
                    ratings(),
                    strict=True,
                )
            ),
        ),
        "mnist_test_seq.npy": lambda: moving(folder),
    }
    if name not in made:
        raise FileNotFoundError(f"there is no stand-in for {name}")
    path = made[name]()
    if extract:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    return str(path)


def written(path, text):
    """A file with a text."""
    path.write_text(text, encoding="utf-8")
    return path
