"""The REST interface as data: resources, attributes, what queries and bodies may say, its OpenAPI document."""
