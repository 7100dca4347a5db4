"""Images from files to batches on the device: sources, splits and the loader, on Grain."""

from ._decode import DecodeError as DecodeError
from ._directory import DirectorySource as DirectorySource
from ._loader import Loader as Loader
from ._plan import Plan as Plan
from ._source import ImageSource as ImageSource

__all__ = ["DecodeError", "DirectorySource", "ImageSource", "Loader", "Plan"]
