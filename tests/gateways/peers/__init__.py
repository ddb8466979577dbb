"""Neighbours played on 127.0.0.1 over real sockets and real TLS."""
