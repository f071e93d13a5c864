"""Attention: every query takes a weighted mean of values, with weights from how well the keys match it.

Arrays are (…, n, d) queries, (…, m, d) keys and (…, m, v) values: one row a query, one row a key with its
value. The axes before the last two are batches; those of the arguments broadcast against each other as NumPy's do.
A mask is boolean, broadcasts to (…, n, m), and is true where the query may see the key.

What all functions keep to:

- Sums run in float32 at least, so float16 comes back as float16 without its rounding; where products might leave
  float32, they are computed in float64. Other floats keep their dtype, integers become float64.
- A query that may see no key gets weights of 0 and a result of 0: because of its mask, because every score is
  −inf, or because there is no key (m = 0). No query (n = 0) gives an empty result. Without a feature (d = 0)
  nothing can match: that is refused.
- NaN is refused. Infinite queries and keys are accepted as long as no score that counts is +inf or NaN; a score of
  −inf hides its key. A value of −inf reaches every query that may see its key, and no other; +inf is refused.
"""

from course_utils.attention.blocks import blockwise_attention
from course_utils.attention.heads import multi_head_attention
from course_utils.attention.local import local_attention
from course_utils.attention.positions import sinusoidal_positions
from course_utils.attention.sampling import gumbel_softmax
from course_utils.attention.weighting import attention, attention_weights

__all__ = [
    "attention",
    "attention_weights",
    "blockwise_attention",
    "gumbel_softmax",
    "local_attention",
    "multi_head_attention",
    "sinusoidal_positions",
]
