"""What `python -m course_utils` does."""

__all__: list[str] = []
