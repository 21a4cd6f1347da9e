"""How cells behave: every equation once, as pure functions, and parameter sets as data."""
