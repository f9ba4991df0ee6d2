"""File names as people give them, the ones that break archive tools first among them."""

import unicodedata

ODD_NAMES = (
    "empty",
    "Crème brûlée.txt",
    unicodedata.normalize("NFD", "Crème pâtissière.txt"),
    "מסמך חשוב.txt",
    "تقرير السفر.txt",
    "旅行の写真について.txt",
    "👩‍👩‍👧‍👦 family 🎂.txt",
    "100% sure #1 & more?.txt",
    'He said "yes" at 12:30.txt',
    "back\\slash.txt",
    " leading and trailing space ",
    ".hidden",
    "…",
    "-rf",
    "CON.txt",
    "ends with a dot.",
    "tab\there.txt",
    "x" * 251 + ".txt",
    "ü" * 120 + " long.txt",
    "長" * 80 + ".txt",
)
"""Allowed by Cozy, which refuses only an empty name, ``.``, ``..``, and names with a slash, a NUL or a line break."""

DEEP = tuple(f"{level:02d} {'nested directory with a long name ' * 3}{'é' * 20}" for level in range(1, 6))
"""Directories one in the other: the path of the file at the bottom has over 700 bytes."""
