"""Images from files to batches on the device: sources, splits and the loader, on Grain."""

from ._arrays import ArraySource as ArraySource
from ._decode._decoder import DecodeError as DecodeError
from ._directory import DirectorySource as DirectorySource
from ._faults import Fault as Fault
from ._faults import TooManyFaultsError as TooManyFaultsError
from ._inspect._check import check as check
from ._inspect._report import Report as Report
from ._loader import Loader as Loader
from ._order._plan import Plan as Plan
from ._packed._encoded import EncodedSource as EncodedSource
from ._packed._pack import pack as pack
from ._source import ImageSource as ImageSource
from ._table._dataframe import DataFrameSource as DataFrameSource
from ._workers._pool import WorkerError as WorkerError

__all__ = [
    "ArraySource",
    "DataFrameSource",
    "DecodeError",
    "DirectorySource",
    "EncodedSource",
    "Fault",
    "ImageSource",
    "Loader",
    "Plan",
    "Report",
    "TooManyFaultsError",
    "WorkerError",
    "check",
    "pack",
]
