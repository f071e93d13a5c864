"""Convolutional trunks that turn an image into feature maps, and what one reads off a network's graph.

``residual`` builds the trunks of the detector and the segmenter; ``fields`` says how far a cell of a map sees,
``counting`` what a network multiplies, ``folding`` leaves out its batch normalisation once it is trained.
"""

from course_utils.backbones.counting import macs
from course_utils.backbones.fields import model_receptive_field, receptive_field
from course_utils.backbones.folding import fold_batch_norm
from course_utils.backbones.residual import convolution, residual_backbone, residual_block, resnet56v2_backbone

__all__ = [
    "convolution",
    "fold_batch_norm",
    "macs",
    "model_receptive_field",
    "receptive_field",
    "residual_backbone",
    "residual_block",
    "resnet56v2_backbone",
]
