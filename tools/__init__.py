"""Scripts that make the data that ships with dockopt; none of them is in the wheel."""
