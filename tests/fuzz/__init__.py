"""Fuzzing by coverage, run by hand; its corpus is a test of every run (see `test_corpus`)."""
