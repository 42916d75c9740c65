"""What the page says of the register of claims: one line a claim, with its verdict and the ground of it."""
