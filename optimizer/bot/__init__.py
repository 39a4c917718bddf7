"""Merge requests on GitLab, pull requests on GitHub: for one repository, or for thousands of them.

A request is what both forges have, whatever they call it. A forge's client does nothing but speak with the forge; what
is to be done about a repository is decided by a pure function, and done in one place.
"""
