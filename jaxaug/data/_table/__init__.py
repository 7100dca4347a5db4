"""Images named in a table, and what it says about them."""
