"""How fast the lab is."""
