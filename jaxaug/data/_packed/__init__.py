"""Images as encoded records, such as ArrayRecord: reading and writing them."""
