"""What connections of clients, components and other servers have in common."""
