"""Stories told through the product's own services: the journey on real input, and the demo city."""
