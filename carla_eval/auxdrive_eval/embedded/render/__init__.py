"""Sensors of the embedded simulator, drawn by Panda3D's software rasteriser.

`faces` and `meshes` describe planar faces, `geometry` turns a town into them, `device` hands them to Panda3D, `planes` turns pixels that name a face
into exact distances, `weather` alters the RGB picture alone, and `panda` ties them together behind `auxdrive_eval.embedded.scene.Renderer`.
"""
