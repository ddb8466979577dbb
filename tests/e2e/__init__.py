"""End to end: the real office.js in Chromium, nginx with the shipped configuration, and a real OpenID provider."""
