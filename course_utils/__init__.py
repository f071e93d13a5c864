"""The code that the chapters of Softmax to Segmentation share: one module a subject.

=======================================  ================  ==============================
subject                                  module            chapters
=======================================  ================  ==============================
softmax, cross-entropy, entropy          ``softmax``       01 to 03, 06 to 08, 11, 12, 14
label maps and their colours             ``label_maps``    04, 08, 09
several models, one answer               ``ensembling``    02
a small network learns from a large one  ``distillation``  03
warped images, labels and boxes          ``deformation``   04
filters and noise                        ``filters``       05, 07, 12
losses for pixels, boxes and detectors   ``losses``        06
boxes, anchors, suppression              ``boxes``         07, 09
scores and their intervals               ``metrics``       all
entropy, mutual information, clusters    ``information``   13
convolutional trunks                     ``backbones``     07, 08, 10, 12, 14
gradient descent to Adam; clipping       ``optimizers``    11
an SSD detector                          ``detection``     07 to 10, 14
an FCN segmenter                         ``segmentation``  08 to 10
training; weights in and out             ``training``      03, 07 to 10
attention: soft, hard, local, in blocks  ``attention``     12
annotation files; outlines, label maps   ``annotations``   07 to 09
one program as several workers           ``distributed``   14
digits, drinks, threads, photographs     ``datasets``      01, 02, 04, 07 to 12, 14
where the shipped files are, verified    ``data``          02 to 04, 06 to 14
what a chapter and its table share       ``experiments``   03, 06 to 14
figures, palettes and sliders            ``plotting``      all
feedback on exercises                    ``checks``        all
the exercises, behind ``checks``         ``exercises``
the command ``python -m course_utils``   ``__main__``
what it does: start, doctor              ``_commands``
checks of arguments                      ``_arguments``
the one way to write a file              ``_files``
a progress bar                           ``_progress``
=======================================  ================  ==============================

Import each on its own (``from course_utils.softmax import softmax``). Importing the package imports nothing else:
TensorFlow and matplotlib cost seconds and come only with the modules that need them. What writes the tables of
results and trains the shipped weights is no part of the package but lies in ``tools/``.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
