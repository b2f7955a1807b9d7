"""What `auxdrive bench` prints."""

from __future__ import annotations

import auxdrive.console as console
from auxdrive.bench.record import BenchReport
from auxdrive.bench.tables import machine_rows, tables_of


def show(report: BenchReport) -> None:
    """Print a measurement as tables."""
    for table in tables_of(report):
        console.table(table.title, table.columns, table.rows, text=table.text)
    console.table("machine", ("fact", "value"), machine_rows(report), text=("value",))
    console.line(f"SHA-256 of the card: {report.bundle_sha256}")
