"""Recordings of others, in their formats, as episodes."""
