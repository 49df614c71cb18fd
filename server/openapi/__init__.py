"""The OpenAPI 3.1 document, made of the routes, their roles and their operations."""
