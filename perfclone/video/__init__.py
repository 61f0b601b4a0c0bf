"""Reading and writing video: upright RGB frames with their times in, an ordinary H.264 file with sound out."""

from perfclone.video.probe import VideoInfo, probe
from perfclone.video.reader import Frame, VideoReader, sample_frames
from perfclone.video.writer import VideoWriter

__all__ = ["Frame", "VideoInfo", "VideoReader", "VideoWriter", "probe", "sample_frames"]
