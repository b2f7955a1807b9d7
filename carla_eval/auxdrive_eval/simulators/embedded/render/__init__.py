"""Sensors of the embedded simulator, drawn by Panda3D's software rasteriser.

`shapes` makes planar faces of a town and all that stands or drives in it. `rasteriser` and `graphs`
pass them to Panda3D; `actors` moves cars and lamps. `planes` and `roof_lidar` turn images whose
pixels name a face into exact distances, and `thermal` into temperatures. `textures`, `atmosphere`
and `sky` affect only the RGB image. `panda` connects them all and implements
`auxdrive_eval.simulators.embedded.scene.Renderer`.
"""
