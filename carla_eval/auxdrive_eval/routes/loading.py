"""Route files of any format: what a file holds decides how it is read."""

from __future__ import annotations

from pathlib import Path

from auxdrive.errors import DataError
from auxdrive.storage.reading import read_bytes

from auxdrive_eval.routes import xml2, xml10
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.routes.xml_elements import MAX_BYTES, Element, Where, read_xml


def load_routes(path: Path) -> tuple[RouteSpec, ...]:
    """The routes of a file of leaderboard 1.0, 2.0 or 2.1, of Bench2Drive, or of longest6 and
    others that write one of these formats; in the file's order. Which format it is shows in how
    the keypoints are written.

    Nothing that is not understood is ignored or replaced. Every message names the line.

    Raises:
        DataError: the file cannot be read, is too large, is not XML, or has a document type
            declaration (which could expand without end); it holds no route, a route id twice, or
            routes of two formats; or a route is not as its format says (`xml10`, `xml2`).

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from auxdrive_eval.routes import load_routes
        >>> points = '<waypoint x="0" y="0"/><waypoint x="30" y="4"/>'
        >>> path = Path(mkdtemp()) / "routes.xml"
        >>> _ = path.write_text(f'<routes><route id="7" town="Town01">{points}</route></routes>')
        >>> load_routes(path)[0].keypoints[1]
        (30.0, -4.0)
    """
    content = read_bytes(path, MAX_BYTES)
    if content.lstrip()[:1] in (b"{", b"["):
        raise DataError(
            f"{path}: is JSON, and routes stand in XML. Scenarios of leaderboard 1.0 are read by "
            "auxdrive_eval.routes.load_scenarios"
        )
    root, whole = read_xml(path, content), Where(path)
    if root.tag != "routes":
        raise whole.error(root, f"the root element is <{root.tag}>, not <routes>")
    whole.refuse_unknown(root, (), ("route",))
    if not root.children:
        raise DataError(f"{path}: holds no <route>")
    version_2 = _is_version_2(whole, root.children)
    # The leaderboard's own routes_validation.xml of 2.x holds a stray letter.
    whole = Where(path, passes_text=version_2)
    specs = []
    seen: set[str] = set()
    for element in root.children:
        where = whole.inside(f"route '{whole.text(element, 'id')[:60]}'")
        spec = (xml2 if version_2 else xml10).read_route(where, element)
        if spec.route_id in seen:
            raise where.error(
                element, "this id stands there twice; give every route an id of its own"
            )
        seen.add(spec.route_id)
        specs.append(spec)
    return tuple(specs)


def _is_version_2(where: Where, routes: list[Element]) -> bool:
    """Whether the routes are written as in leaderboard 2.x."""
    groups = [xml2.is_of_2(route) for route in routes]
    for route, grouped in zip(routes, groups, strict=True):
        if (grouped and route.all_of("waypoint")) or grouped != groups[0]:
            raise where.error(
                route,
                "this file mixes the formats of leaderboard 1.0 (<waypoint>) and 2 "
                "(<waypoints> with <position>); write all of its routes in one",
            )
    return groups[0]
