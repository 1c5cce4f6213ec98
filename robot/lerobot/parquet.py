"""Tables of numbers in parquet files, by pyarrow, which is an extra."""

# pyarrow ships no type information.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_parquet(file: Path, columns: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Columns of a file: ``[N]``, or ``[N, D]`` of lists.

    Raises:
        ModuleNotFoundError: if pyarrow is not installed.
        ValueError: if the file is damaged, or lacks a column.
    """
    pyarrow, parquet = _pyarrow()
    try:
        table = parquet.read_table(file)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(f"{file} is truncated or damaged: download it again") from error
    found: dict[str, NDArray[Any]] = {}
    for column in columns:
        if column not in table.column_names:
            raise ValueError(
                f"{file} has no column {column!r}; it has {', '.join(table.column_names)}"
            )
        # A list column comes as an array of arrays.
        raw = table[column].to_numpy()
        found[column] = np.stack(raw) if raw.dtype == object else raw
    return found


def write_parquet(
    file: Path, columns: Mapping[str, NDArray[Any] | list[Any]], index: str | None = None
) -> None:
    """Writes a file and its folder.

    Args:
        file: that is written.
        columns: ``[N]``, ``[N, D]`` as lists of D, or plain lists.
        index: the column that pandas takes for the index.

    Raises:
        ModuleNotFoundError: if pyarrow is not installed.
    """
    pyarrow, parquet = _pyarrow()
    arrays = {
        name: pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(values.ravel()), values.shape[1])
        if isinstance(values, np.ndarray) and values.ndim == 2
        else pyarrow.array(values)
        for name, values in columns.items()
    }
    table = pyarrow.table(arrays)
    if index is not None:
        table = table.replace_schema_metadata({b"pandas": _pandas(table, index)})
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, file)


def _pandas(table: Any, index: str) -> bytes:
    """What pandas keeps of a table of whole numbers and text."""

    def column(name: str) -> dict[str, Any]:
        is_text = str(table.schema.field(name).type) == "string"
        kinds = ("unicode", "object") if is_text else ("int64", "int64")
        said = {"pandas_type": kinds[0], "numpy_type": kinds[1], "metadata": None}
        return {"name": name, "field_name": name, **said}

    columns = [column(name) for name in table.column_names]
    return json.dumps(
        {
            "index_columns": [index],
            "column_indexes": [],
            "columns": columns,
            "pandas_version": "2.0.0",
        }
    ).encode()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a LeRobotDataset needs pyarrow: pip install 'beachhead[recorded]'"
        ) from error
    return pyarrow, parquet
