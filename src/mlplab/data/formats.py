"""What a file holds, by the end of its name. Imports nothing heavy."""

from pathlib import Path

COMPRESSED = ".gz"  # a table may be packed by gzip
SUFFIXES = {
    "table": (".csv", ".tsv", ".txt"),
    "array": (".npy",),
    "arrays": (".npz",),
    "image": (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"),
}
TABLE_KINDS = f"a CSV file ({', '.join(SUFFIXES['table'])}, packed by gzip as .csv.gz too)"  # for messages


def file_kind(path: str | Path) -> str | None:
    """A key of SUFFIXES."""
    whole = Path(path).name.lower()
    name = whole.removesuffix(COMPRESSED)
    kind = next((kind for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)
    return kind if name == whole or kind == "table" else None


def is_compressed(path: str | Path) -> bool:
    return Path(path).suffix.lower() == COMPRESSED


def base_name(path: str | Path) -> str:
    """Without folder and suffixes."""
    return Path(Path(path).stem if is_compressed(path) else path).stem
