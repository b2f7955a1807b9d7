"""Towns from seeds, with lanes, signals, props, weather, and routes over them."""
