"""What the performance and comparison figures are made with. README.md says how; none of it is a test."""
