"""Imports: files of rows become commands, by a declarative mapping."""
