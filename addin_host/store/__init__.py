"""The cellar: the database, its models and migrations, and the sealing of secrets."""
