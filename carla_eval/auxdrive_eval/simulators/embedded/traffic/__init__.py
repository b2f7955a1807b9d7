"""Moving cars, lights, and who may enter a junction."""
