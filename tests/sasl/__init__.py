"""Tests of sasl."""
