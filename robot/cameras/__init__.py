"""Cameras over a table: pictures with stamps, tags in them, and what lies there."""
