"""The renderer's parts that need no image: faces, planes, polygons, textures, weather."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from auxdrive_eval.simulators.embedded.render import roof_lidar as lidar
from auxdrive_eval.simulators.embedded.render.atmosphere import Overlay, light_of, shade
from auxdrive_eval.simulators.embedded.render.planes import FaceRegistry
from auxdrive_eval.simulators.embedded.render.shapes import bodies, meshes
from auxdrive_eval.simulators.embedded.render.shapes.cars import car_faces
from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID, Face, Layer
from auxdrive_eval.simulators.embedded.render.shapes.flat_faces import simplify, strip, triangulate
from auxdrive_eval.simulators.embedded.render.shapes.packing import Mesh, newell_normals, pack
from auxdrive_eval.simulators.embedded.render.textures import make_textures
from auxdrive_eval.simulators.embedded.town.model import CarKind
from auxdrive_eval.weather import Weather
from hypothesis import given, settings
from hypothesis import strategies as st

finite = st.floats(-50, 50)


@given(st.lists(st.floats(1.0, 9.0), min_size=4, max_size=14))
def test_triangles_cover_a_star_polygon_once(radii: list[float]) -> None:
    angle = np.arange(len(radii)) * 2 * math.pi / len(radii)
    polygon = np.array(radii)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    following = np.roll(polygon, -1, axis=0)
    area = 0.5 * float((polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum())
    corners = polygon[triangulate(polygon)]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    signed = 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    assert (signed > -1e-9).all()
    assert signed.sum() == pytest.approx(area, rel=1e-6)


def normal_of(points: np.ndarray) -> np.ndarray:
    """Unit normal of one polygon."""
    return newell_normals(points.astype(np.float64), np.array([0]), np.array([len(points)]))[0]


def _bodies() -> list[tuple[str, list[Face]]]:
    named = [
        (f"car {kind} {braking}", car_faces(kind, 4.4, 1.8, 1.5, 2, braking=braking))
        for kind in CarKind
        for braking in (False, True)
    ]
    named += [(f"building {style}", bodies.building(12.0, 9.0, 8.0, style)) for style in range(7)]
    named += [(f"tree {style}", bodies.tree(8.0, 5.0, style)) for style in range(4)]
    named += [(f"head {lit}", bodies.light_head(lit)) for lit in (None, 0, 1, 2)]
    return [*named, ("sign", bodies.stop_sign()), ("lamp", bodies.street_lamp(7.0))]


@pytest.mark.parametrize(
    ("name", "faces"), _bodies(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_face_of_every_body_is_planar(name: str, faces: list[Face]) -> None:
    planes = pack(faces).planes
    for face, normal, offset in zip(faces, planes.normals, planes.offsets, strict=True):
        assert np.abs(face.points @ normal - offset).max() < 1e-6


def test_a_part_of_packed_faces_is_what_packing_the_part_gives() -> None:
    faces = [face for _, body in _bodies() for face in body]
    square = np.array([(0.0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)])
    faces.insert(5, Face(square, (1, 1, 1), "road", triangles=np.array([(0, 1, 2), (0, 2, 3)])))
    order = np.random.default_rng(0).permutation(len(faces))
    whole = pack(faces).take(order)
    for first, end in ((0, len(faces)), (3, 90), (90, 91)):
        part, alone = whole.part(first, end), pack([faces[at] for at in order[first:end]])
        for field in fields(Mesh):
            ours, theirs = getattr(part, field.name), getattr(alone, field.name)
            if field.name == "planes":
                for name in ("normals", "offsets", "centres", "half_sizes"):
                    assert (getattr(ours, name) == getattr(theirs, name)).all()
            else:
                assert ours.dtype == theirs.dtype
                assert (ours == theirs).all()


@pytest.mark.parametrize("kind", list(CarKind))
def test_a_cars_faces_look_outwards(kind: CarKind) -> None:
    faces = [f for f in car_faces(kind, 4.4, 1.8, 1.5, 0) if f.alpha == 1.0]
    middle = np.array([0.0, 0.0, 0.6])
    for face in faces:
        assert normal_of(face.points) @ (face.points.mean(axis=0) - middle) > 0


def test_a_face_without_area_is_refused() -> None:
    with pytest.raises(ValueError, match="without area"):
        normal_of(np.array([(0.0, 0, 0), (1, 0, 0), (2, 0, 0)]))


@given(finite, finite, st.floats(0.5, 20), st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_a_ray_meets_the_plane_of_its_face(
    x: float, y: float, height: float, right: float, up: float
) -> None:
    points = np.array(
        [
            (x - 5, y + 30, 0.0),
            (x + 5, y + 30, 0.0),
            (x + 5, y + 32, height),
            (x - 5, y + 32, height),
        ]
    )
    registry = FaceRegistry.empty()
    first = registry.register([pack([Face(points, (1, 1, 1), "building", Layer.SIDEWALK)])])[0]
    origin, axes = np.array([x, y, 1.5]), np.eye(3)  # looks along y
    ray = np.array([[right, 1.0, up]], dtype=np.float32)
    slope = height / 2.0
    depth = (30 * slope + 1.5) / (slope - up) if slope > up + 0.05 else math.inf
    inverse = registry.inverse_depths(np.array([first]), ray, origin, axes)
    if depth < 1e4:
        assert 1 / inverse[0] == pytest.approx(depth, rel=2e-3)
    assert registry.inverse_depths(np.array([0]), ray, origin, axes)[0] == 0.0


def test_a_beam_that_misses_its_face_by_the_rim_gives_no_return() -> None:
    points = np.array([(10.0, 1.0, 0.0), (10.0, -1.0, 0.0), (10.0, -1.0, 3.0), (10.0, 1.0, 3.0)])
    registry = FaceRegistry.empty()
    first = registry.register([pack([Face(points, (1, 1, 1), "building")])])[0]
    directions = np.array([(1.0, 0.0, 0.0), (1.0, 0.2, 0.0)])
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    inverse = registry.inverse_ranges(
        np.array([first, first]),
        directions.astype(np.float32),
        np.array([0.0, 0.0, 1.5]),
        np.eye(3),
    )
    assert 1 / inverse[0] == pytest.approx(10.0, rel=1e-5)
    assert inverse[1] == 0.0


@given(finite, finite, st.floats(-3.2, 3.2))
def test_placed_planes_are_those_of_the_placed_faces(x: float, y: float, yaw: float) -> None:
    faces = [f for f in car_faces(CarKind.VAN, 5.0, 2.0, 2.2, 1) if f.alpha == 1.0]
    local, there = pack(faces), pack(meshes.place(faces, x, y, yaw))
    registry = FaceRegistry.empty()
    first = registry.register([local])[0]
    registry.place(first, local.planes, x, y, yaw)
    np.testing.assert_allclose(registry.normals[first:], there.planes.normals, atol=1e-5)
    np.testing.assert_allclose(registry.offsets[first:], there.planes.offsets, atol=1e-3)
    assert (registry.half_sizes[first:] >= there.planes.half_sizes - 1e-3).all()


@given(st.integers(5, 80), st.floats(0.0, 0.05))
def test_simplified_lines_stay_close_and_keep_their_ends(count: int, curvature: float) -> None:
    yaw = curvature * np.arange(count)
    line = np.cumsum(np.column_stack([np.cos(yaw), np.sin(yaw)]), axis=0)
    short = simplify(line)
    np.testing.assert_array_equal(short[[0, -1]], line[[0, -1]])
    pieces = np.hypot(*np.diff(short, axis=0).T)
    assert pieces.max() <= 13.1
    for point in line:
        t = np.clip(((point - short[:-1]) * np.diff(short, axis=0)).sum(axis=1) / pieces**2, 0, 1)
        assert np.hypot(*(short[:-1] + t[:, None] * np.diff(short, axis=0) - point).T).min() < 0.04


def test_a_strip_keeps_its_width_in_a_bend() -> None:
    line = np.array([(0.0, 0), (10, 0), (20, 5)])
    for quad in strip(line, 3.0, -3.0):
        assert normal_of(np.column_stack([quad, np.zeros(4)]))[2] == pytest.approx(1.0)
        along = quad[1] - quad[0]
        across = quad[3] - quad[0]
        width = abs(along[0] * across[1] - along[1] * across[0]) / np.hypot(*along)
        assert width == pytest.approx(6.0)


def test_textures_follow_the_seed() -> None:
    first, same, other = make_textures(3, 0.0), make_textures(3, 0.0), make_textures(4, 0.0)
    for name, image in first.items():
        assert image.shape == (128, 128, 3)
        np.testing.assert_array_equal(image, same[name])
    assert (first["asphalt"] != other["asphalt"]).any()
    assert (make_textures(3, 1.0)["office"] != first["office"]).any()


@settings(deadline=None)
@given(
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(-360, 360),
    st.floats(-90, 90),
    st.floats(0, 1000),
)
def test_any_weather_gives_an_image(
    clouds: float,
    rain: float,
    fog: float,
    wet: float,
    azimuth: float,
    altitude: float,
    time_s: float,
) -> None:
    light = light_of(Weather(clouds, rain, fog, wet, azimuth, altitude))
    for colour in (light.sun, light.ambient, light.zenith, light.horizon, light.fog):
        assert ((colour >= 0) & (colour <= 1.2)).all()
    up = np.array([(0, 0, 1)], dtype=np.float32)
    colours = shade(
        light, np.full((1, 4), 0.5, dtype=np.float32), up, np.array([False]), np.array([True])
    )
    assert colours.dtype == np.uint8
    rays = np.zeros((6 * 8, 3), dtype=np.float32)
    overlay = Overlay(light, rays, 6, 8)
    image = np.full((6, 8, 3), 90, dtype=np.uint8)
    inverse = np.full((6, 8), 0.1, dtype=np.float32)
    first = overlay.apply(image, inverse, np.zeros((6, 8), dtype=bool), time_s)
    assert first.shape == image.shape
    np.testing.assert_array_equal(
        first, overlay.apply(image, inverse, np.zeros((6, 8), dtype=bool), time_s)
    )


def test_clear_weather_leaves_the_image_as_drawn() -> None:
    light = light_of(Weather())
    assert not light.needs_depth
    image = np.full((6, 8, 3), 90, dtype=np.uint8)
    overlay = Overlay(light, np.zeros((48, 3), dtype=np.float32), 6, 8)
    np.testing.assert_array_equal(overlay.apply(image, None, None, 0.0), image)


def test_emissive_faces_keep_their_colour_at_night() -> None:
    light = light_of(Weather(sun_altitude_deg=-30.0))
    albedo, normals = (
        np.full((2, 4), 1.0, dtype=np.float32),
        np.array([(1, 0, 0)] * 2, dtype=np.float32),
    )
    colours = shade(light, albedo, normals, np.array([True, False]), np.array([False, False]))
    assert (colours[0] == 255).all()
    assert colours[1, :3].max() < 120


def test_beams_are_unit_vectors_in_rings() -> None:
    pattern = lidar.beam_pattern()
    assert len(pattern.directions) == lidar.RINGS * lidar.AZIMUTHS
    np.testing.assert_allclose(np.linalg.norm(pattern.directions, axis=1), 1.0, atol=1e-6)
    assert len(np.unique(pattern.pixels // (lidar.VIEWS * lidar.COLUMNS))) > 40
    assert pattern.pixels.max() < lidar.VIEWS * lidar.COLUMNS * pattern.rows


def test_classes_are_those_of_auxdrive() -> None:
    mesh = pack([Face(np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0)]), (1, 1, 1), "vehicle")])
    assert mesh.class_of_face.tolist() == [CLASS_ID["vehicle"]]
