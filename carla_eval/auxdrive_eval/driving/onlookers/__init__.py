"""Who looks on while routes are driven, and keeps something of it beside the results."""
