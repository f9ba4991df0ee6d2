"""Which contents are worth compressing."""

from pathlib import PurePosixPath

_PACKED_KINDS = ("image/", "video/", "audio/")

_PLAIN_TYPES = frozenset(
    (
        "audio/aiff",
        "audio/midi",
        "audio/vnd.wave",
        "audio/wav",
        "audio/x-aiff",
        "audio/x-wav",
        "image/bmp",
        "image/svg+xml",
        "image/tiff",
        "image/vnd.adobe.photoshop",
        "image/x-ms-bmp",
        "image/x-portable-pixmap",
    )
)

_PACKED_TYPES = frozenset(
    (
        "application/epub+zip",
        "application/gzip",
        "application/java-archive",
        "application/pgp-encrypted",
        "application/vnd.android.package-archive",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-apple-diskimage",
        "application/x-bzip2",
        "application/x-gzip",
        "application/x-rar-compressed",
        "application/x-xz",
        "application/zip",
        "application/zstd",
        "font/woff",
        "font/woff2",
    )
)

_PACKED_PICTURES = frozenset((".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".jxl", ".png", ".webp"))
_PACKED_SOUNDS = frozenset((".aac", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wma"))
_PACKED_FILMS = frozenset((".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"))
_PACKED_ARCHIVES = frozenset(
    (".7z", ".br", ".bz2", ".gz", ".lz4", ".rar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst")
)
_PACKED_DOCUMENTS = frozenset((".docx", ".epub", ".odp", ".ods", ".odt", ".pptx", ".xlsx"))
_PACKED_OTHERS = frozenset((".apk", ".dmg", ".gpg", ".jar", ".pgp", ".woff", ".woff2"))
_PACKED_SUFFIXES = (
    _PACKED_PICTURES | _PACKED_SOUNDS | _PACKED_FILMS | _PACKED_ARCHIVES | _PACKED_DOCUMENTS | _PACKED_OTHERS
)

_SAY_NOTHING = frozenset(("", "application/octet-stream", "binary/octet-stream"))


def compressible(mime: str, name: str) -> bool:
    """Whether a content is worth compressing, by its media type, or by its name where that says nothing.

    Only a guess to save time: a content that turns out not to shrink is stored all the same.
    """
    kind = mime.partition(";")[0].strip().lower()
    if kind in _SAY_NOTHING:
        return PurePosixPath(name).suffix.lower() not in _PACKED_SUFFIXES
    if kind in _PLAIN_TYPES:
        return True
    return kind not in _PACKED_TYPES and not kind.startswith(_PACKED_KINDS)
