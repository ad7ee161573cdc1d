"""Models that argument tables are made of; builders are given the Keras at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Build = Callable[[Any], Any]


class Table(dict[str, tuple[Build, tuple[str, ...]]]):
    """Name → builder, and which Keras can make it."""

    def model(self, *only: str) -> Callable[[Build], Build]:
        """Register a builder; ``only``: of these libraries."""

        def register(build: Build) -> Build:
            self.add(build.__name__, build, *only)
            return build

        return register

    def add(self, name: str, build: Build, *only: str) -> None:
        """Register a builder under a name."""
        assert name not in self, name
        self[name] = build, only or ("keras", "tf_keras")

    def rows(self) -> list[tuple[str, str]]:
        """Return every (library, name)."""
        return [(lib, name) for name, (_, libs) in self.items() for lib in libs]
