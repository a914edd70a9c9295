"""Measurements over time as a Parquet table: one row per change."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq

from qke_sim.scenario import Sample
from qke_sim.scenario.judge import plain


def write_metrics(samples: list[Sample]) -> bytes:
    """Return a Parquet file: `t_ms` (virtual ms), `measure`, `number` (booleans as 0 and 1), `text` (all others)."""
    numbers: list[float | None] = []
    texts: list[str | None] = []
    for sample in samples:
        value = plain(sample.value)
        number = isinstance(value, bool | int)
        numbers.append(float(value) if isinstance(value, bool | int) else None)
        texts.append(None if number else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    table = pa.table(
        {
            "t_ms": pa.array([sample.t for sample in samples], pa.int64()),
            "measure": pa.array([sample.name for sample in samples], pa.string()),
            "number": pa.array(numbers, pa.float64()),
            "text": pa.array(texts, pa.string()),
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
