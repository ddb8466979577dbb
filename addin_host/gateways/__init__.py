"""The outside world, one file per neighbour, implementing domain.ports."""
