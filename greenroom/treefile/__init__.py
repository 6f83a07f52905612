"""Tree files: trees that are declared in TOML, read, checked, and made into the specifications of a tree."""
