"""The grammar: what an integration, a template, an alias and a manifest are. Pure Python, no network, no database."""
