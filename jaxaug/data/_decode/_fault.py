"""What is wrong with a file, told in one way."""

from PIL import Image

from jaxaug.data._decode._file import TRANSIENT


class DecodeError(ValueError):
    """A file that cannot be read as an image.

    Attributes:
        path: The file, or the name of what was given as bytes.
        reason: What is wrong with it.
        stage: How far reading it came: "open", "identify" (its header), "size", "decode" (its
            pixels), "convert" (its colours) or "fit".
        error: Name of the type of the original exception.
        transient: Whether another attempt may succeed, as with a network drive that was gone.
    """

    def __init__(
        self,
        path: str,
        reason: str,
        stage: str = "decode",
        error: str = "ValueError",
        transient: bool = False,
    ) -> None:
        # All arguments: this is what pickling keeps.
        super().__init__(path, reason, stage, error, transient)
        self.path = path
        self.reason = reason
        self.stage = stage
        self.error = error
        self.transient = transient

    @classmethod
    def of(cls, name: str, stage: str, error: Exception) -> "DecodeError":
        """What the user is told of an exception of Pillow, of the operating system, or of ours."""
        code = error.errno if isinstance(error, OSError) else None
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = reason or type(error).__name__
        reason = reason if reason.isprintable() else repr(reason)
        if isinstance(error, Image.DecompressionBombError):  # a header that Pillow itself refuses
            stage = "size"
        return cls(name, reason, stage, type(error).__name__, code in TRANSIENT)

    def __str__(self) -> str:
        # !r, because a name may hold line breaks, or bytes that no terminal can print.
        return (
            f"jaxaug.data: expected an image, got {self.path!r} ({self.reason}). "
            "Repair, replace or remove the file."
        )
