"""File kinds by suffix. Imports nothing heavy."""

from pathlib import Path

COMPRESSED = ".gz"  # of a table only
SUFFIXES = {
    "table": (".csv", ".tsv", ".txt"),
    "array": (".npy",),
    "arrays": (".npz",),
    "image": (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"),
}
TABLE_KINDS = f"a CSV file ({', '.join(SUFFIXES['table'])}, packed by gzip as .csv.gz too)"  # for messages


def file_kind(path: str | Path) -> str | None:
    """Returns a key of SUFFIXES, or None for another suffix."""
    full_name = Path(path).name.lower()
    name = full_name.removesuffix(COMPRESSED)
    kind = next((kind for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)
    return kind if name == full_name or kind == "table" else None


def is_compressed(path: str | Path) -> bool:
    return Path(path).suffix.lower() == COMPRESSED


def base_name(path: str | Path) -> str:
    """Returns the file name without folder and suffixes."""
    return Path(Path(path).stem if is_compressed(path) else path).stem
