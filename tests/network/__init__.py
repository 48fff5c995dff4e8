"""The simulated federation: many servers, everything going wrong, and what must hold."""
