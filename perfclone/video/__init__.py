"""Reading and writing video: upright RGB frames with their times in, an ordinary H.264 file with sound out."""

from perfclone.video.probe import VideoInfo, probe
from perfclone.video.reader import Frame, VideoReader, key_frames, sample_frames
from perfclone.video.writer import VideoWriter

__all__ = ["Frame", "VideoInfo", "VideoReader", "VideoWriter", "key_frames", "probe", "sample_frames"]
