"""Tests of moving accounts in and out."""
