"""The catalogue, a family of transforms a file."""
