"""Moving cars, traffic lights, and which cars may enter a junction."""
