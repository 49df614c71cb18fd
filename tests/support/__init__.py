"""What tests of whole paths share: a running service, an API client, a socket client, a world."""
