"""Where the ffmpeg program is: the system's, else the one of ``imageio-ffmpeg``."""

import functools
import shutil


@functools.cache
def ffmpeg_program() -> str:
    """Return the path of ffmpeg; it is run as a separate program."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()
