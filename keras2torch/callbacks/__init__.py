"""Keras' callbacks; ``keras.callbacks``."""

from keras2torch.callbacks.backup_and_restore import BackupAndRestore
from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.callback_list import CallbackList
from keras2torch.callbacks.csv_logger import CSVLogger
from keras2torch.callbacks.early_stopping import EarlyStopping
from keras2torch.callbacks.history import History
from keras2torch.callbacks.lambda_callback import LambdaCallback
from keras2torch.callbacks.learning_rate_scheduler import LearningRateScheduler
from keras2torch.callbacks.model_checkpoint import ModelCheckpoint
from keras2torch.callbacks.orbax_checkpoint import OrbaxCheckpoint
from keras2torch.callbacks.progbar_logger import ProgbarLogger
from keras2torch.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from keras2torch.callbacks.remote_monitor import RemoteMonitor
from keras2torch.callbacks.swap_ema_weights import SwapEMAWeights
from keras2torch.callbacks.tensorboard import TensorBoard
from keras2torch.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
