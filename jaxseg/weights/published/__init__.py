"""Lists published weights by name, and downloads them.

Submodules:
  entry: Describes one file of published weights.
  table: Reads the stored entries, and finds them by name or pattern.
  download: Downloads a file, compares its digest and keeps it in a folder.
"""
