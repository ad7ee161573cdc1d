"""Keras' operations: eager on tensors, written into the source of a functional model.

Source: ``keras/src/ops`` (3.15).
"""

from keras2torch.ops.arithmetic import *  # noqa: F403
from keras2torch.ops.products import *  # noqa: F403
from keras2torch.ops.shaping import *  # noqa: F403
