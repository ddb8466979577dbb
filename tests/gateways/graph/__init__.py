"""Microsoft Graph played on 127.0.0.1."""
