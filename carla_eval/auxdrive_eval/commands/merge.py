"""`auxdrive merge`: join the shards of a benchmark that was driven on several machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from auxdrive.console import JsonOption

from auxdrive_eval.commands.planned_routes import planned_routes
from auxdrive_eval.commands.simulator_options import ScenarioFileOption


def merge(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...", help="Folders that `auxdrive drive` filled.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the joined results.json, report.html and routes.",
            show_default=False,
        ),
    ],
    routes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.xml",
            help="A file with all routes, in order; none may be missing.",
            show_default=False,
        ),
    ] = None,
    route_seeds: Annotated[
        str | None,
        typer.Option(
            metavar="SEEDS",
            help="All routes by their seeds, such as 1000,1005-1009.",
            show_default=False,
        ),
    ] = None,
    scenario_file: ScenarioFileOption = None,
    json_output: JsonOption = False,
) -> None:
    """Join the shards of a benchmark. The result is what one run over all their routes would have
    written.

    The shards must have equal settings, agents and versions, and each route must be in exactly one
    of them. Without --routes or --route-seeds, the routes keep the order of the folders.
    """
    from auxdrive_eval.commands.drive_results import tell
    from auxdrive_eval.driving.settings import read_settings
    from auxdrive_eval.driving.stored.merge import merge as merge_shards

    order = None
    if routes is not None or route_seeds is not None:
        simulator = read_settings(results[0]).simulator
        order = planned_routes(routes, route_seeds, 1, simulator, scenario_file)
    evaluation = merge_shards(results, out, order)
    tell(out, evaluation, json_output)
