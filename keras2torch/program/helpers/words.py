"""Strings, which no tensor holds."""


def read_words(name: str) -> list[str]:
    """Return the words, one a line, of a file that lies beside this one."""
    from pathlib import Path

    content = Path(__file__).with_name(name).read_bytes()
    return content.decode("utf-8", "surrogateescape").split("\n")


def flat_words(words: object) -> tuple[list[str], list[int]]:
    """Return strings in nested lists, or in an array, as one list with its shape."""
    words = words.tolist() if hasattr(words, "tolist") else words
    if isinstance(words, bytes):
        return [words.decode("utf-8", "surrogateescape")], []
    if isinstance(words, str):
        return [words], []
    if not isinstance(words, (list, tuple)):
        raise TypeError(f"expected strings in lists or an array, not {words!r}")
    parts = [flat_words(word) for word in words]
    if any(shape != parts[0][1] for _, shape in parts):
        raise ValueError("the lists of strings are not of one length")
    flat = [word for part, _ in parts for word in part]
    return flat, [len(parts), *(parts[0][1] if parts else [])]


def nested_words(words: list[str], shape: tuple[int, ...]) -> object:
    """Return a list of strings as nested lists of a shape."""
    if not shape:
        return words[0]
    size = len(words) // shape[0] if shape[0] else 0
    parts = [words[i * size : (i + 1) * size] for i in range(shape[0])]
    return [nested_words(part, shape[1:]) for part in parts]
