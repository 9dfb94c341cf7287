"""Helpers shared by all tests: fakes, drivers without a real clock, synthetic music, measures, and a served program."""
