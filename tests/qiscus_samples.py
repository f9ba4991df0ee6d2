"""The answers of seed 003, "Data Backup and Import", as they stand there: what our answers have key by key."""

from typing import Any

CREATED: dict[str, Any] = {
    "results": {
        "created_at": "2017-07-17T10:19:44+07:00",
        "download_url": "",
        "error_message": "",
        "original_filename": "2017-07-17T10:19:44+07:00_exported_comments.json",
        "percentage": 0,
        "resource_name": "comments",
        "size": 0,
        "status": "started",
        "total_rows": 0,
        "unique_id": "dd2c46a8-0921-4b75-837c-cee1b9804787",
    },
    "status": 200,
}

FINISHED: dict[str, Any] = {
    "created_at": "2017-07-17T10:10:57+07:00",
    "download_url": "https://res.cloudinary.com/dscpwwumu/raw/upload/2017-07-17T10:10:57+07:00_exported_comments.json",
    "error_message": "",
    "original_filename": "2017-07-17T10:10:57+07:00_exported_comments.json",
    "percentage": 100,
    "resource_name": "comments",
    "size": 43044263,
    "status": "finished",
    "total_rows": 119963,
    "unique_id": "c44c4168-0b45-4ac2-8942-a4f1af987a13",
}

ONE: dict[str, Any] = {"results": {"backup_history": FINISHED}, "status": 200}
"""Of ``GET`` and of ``DELETE`` by id."""

LIST: dict[str, Any] = {"results": {"backup_histories": [FINISHED]}, "status": 200}

IMPORT_CREATED: dict[str, Any] = {
    "results": {
        "backup_history": {
            "created_at": "2017-07-24T16:38:14+07:00",
            "errors": {"Message": "", "Data": None},
            "original_filename": "comment_single.json",
            "resource_name": "comments",
            "size": 926,
            "status": "started",
            "total_rows": 0,
            "unique_id": "13c4952f-4b77-4705-9523-7ddca9c45967",
        }
    },
    "status": 200,
}

IMPORT_LIST: dict[str, Any] = {
    "results": {
        "backup_histories": [
            {
                "created_at": "2017-07-24T16:34:57+07:00",
                "errors": {},
                "original_filename": "comment_single.json",
                "resource_name": "comments",
                "size": 926,
                "status": "finished",
                "total_rows": 1,
                "unique_id": "85cfa162-f8ac-4e91-a6a4-a2e4ab25e150",
            }
        ]
    },
    "status": 200,
}


def shape(value: object) -> object:
    """What is left of a document without its values: the keys of objects and the types of all else."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value)
