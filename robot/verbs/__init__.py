"""What ``python -m robot`` can do, a file each; these alone may load tasks and policies."""
