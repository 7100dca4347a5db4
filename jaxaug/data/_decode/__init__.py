"""One image file becomes one array, or one precise fault."""
