"""The use cases: plain functions, one per intention. Session first; time, randomness and gateways are passed in."""
