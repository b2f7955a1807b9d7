"""Sensors of the embedded simulator, drawn by Panda3D's software rasteriser.

`faces`, `meshes` and `cars` describe planar faces; `geometry` turns a town into them; `device` and
`graphs` hand them to Panda3D; `actors` moves cars and lamps; `planes` and `lidar` turn pixels that
name a face into exact distances; `textures`, `weather` and `sky` alter the RGB image alone;
`panda` ties them together behind `auxdrive_eval.simulators.embedded.scene.Renderer`.
"""
