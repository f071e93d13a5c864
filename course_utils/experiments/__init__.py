"""What a chapter and the command behind its table share: networks, trainings and scores, one module a chapter."""

__all__: list[str] = []
