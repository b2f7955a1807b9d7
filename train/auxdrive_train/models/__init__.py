"""Networks: inputs, backbones, heads, and the three ways in which they are put together."""
