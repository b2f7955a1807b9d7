"""Reports: one HTML file each, with everything inside it; no scripts, nothing from the network."""
