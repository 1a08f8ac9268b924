"""The test suite, a package so that its files can share helpers."""
