"""The simulated machines: what runs on one node, and the product's commands there."""
