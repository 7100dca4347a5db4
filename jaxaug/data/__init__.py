"""Images from files to batches on the device: sources, splits and the loader, on Grain."""

from ._arrays import ArraySource as ArraySource
from ._dataframe import DataFrameSource as DataFrameSource
from ._decode import DecodeError as DecodeError
from ._directory import DirectorySource as DirectorySource
from ._encoded import EncodedSource as EncodedSource
from ._faults import Fault as Fault
from ._faults import TooManyFaultsError as TooManyFaultsError
from ._inspect import check as check
from ._loader import Loader as Loader
from ._pack import pack as pack
from ._plan import Plan as Plan
from ._report import Report as Report
from ._source import ImageSource as ImageSource
from ._workers import WorkerError as WorkerError

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
