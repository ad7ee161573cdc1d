"""What the README generates from the registry is what the registry says today."""

from pathlib import Path

from keras2torch.coverage import table

README = Path(__file__).resolve().parents[1] / "README.md"
START, END = "<!-- layers -->", "<!-- /layers -->"


def test_the_layer_table_is_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.partition(START)[2].partition(END)[0].strip()
    assert shown == table(), "run `python -m tests.test_readme` to write it anew"


def main() -> None:
    """Write the table into the README."""
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    tail = rest.partition(END)[2]
    README.write_text(f"{head}{START}\n{table()}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
