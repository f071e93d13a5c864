"""The code that the chapters of Softmax to Segmentation share.

One module a subject, each imported on its own (``from course_utils.softmax import softmax``).
Importing the package itself imports nothing else: TensorFlow and matplotlib cost seconds and come
only with the modules that need them.
"""

__all__: list[str] = []
