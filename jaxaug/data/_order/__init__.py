"""Which record comes when, and which goes where: plans, balance, batches, splits."""
