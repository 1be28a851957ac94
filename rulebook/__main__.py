"""Write service/apps/deidentify/engine/philter/: see `script/rulebook`."""

from rulebook.book import FOLDER, files


def main() -> None:
    """Write the files anew."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)  # noqa: T201 - it talks to a terminal


if __name__ == "__main__":
    main()
