"""Where the ffmpeg program is: the system's, else the one of ``imageio-ffmpeg``."""

import functools
import shutil

from schemas.errors import ConfigError


@functools.cache
def ffmpeg_program() -> str:
    """Return the path of ffmpeg; it is run as a separate program.

    Raises:
        ConfigError: there is none on PATH and none in ``imageio-ffmpeg``.
    """
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise ConfigError(
            "no ffmpeg program: expected `ffmpeg` on PATH or the one of the "
            "imageio-ffmpeg package; install either"
        ) from error
