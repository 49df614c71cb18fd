"""What clients may send, as marshmallow schemas, each built once; one module a resource."""
