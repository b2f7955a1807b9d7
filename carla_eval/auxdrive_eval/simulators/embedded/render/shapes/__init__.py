"""Everything that is drawn, as planar faces, and nothing of how it is drawn.

`faces` says what a planar face is, `meshes` what is made of a few of them, `flat_faces` what lies
on the ground. `bodies` and `cars` are things in frames of their own, `town_faces` a whole town.
"""
