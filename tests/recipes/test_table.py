"""What recipes/README.md lists is what the recipes say of themselves today."""

from pathlib import Path

from keras2torch.recipes.table import table

README = Path(__file__).resolve().parents[2] / "recipes" / "README.md"
START, END = "<!-- table -->", "<!-- /table -->"


def test_the_table_of_recipes_is_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.partition(START)[2].partition(END)[0].strip()
    again = "`PYTHONPATH=.:tests python -m recipes.test_table` writes it anew"
    assert shown == table(), again


def main() -> None:
    """Write the table into the README."""
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    tail = rest.partition(END)[2]
    README.write_text(f"{head}{START}\n{table()}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
