"""The doors. Flask lives here; a view admits, parses, calls one flow and renders."""
