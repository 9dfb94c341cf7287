"""Conversion to 48 kHz stereo float32. PyAV's own resampler would start a thread for each core, and for each deck."""

from errno import EAGAIN

import av
from av.filter import Graph

from rtc_drift.media import SAMPLE_RATE

_FORMAT, _LAYOUT = "flt", "stereo"


class Resampler:
    """The conversion of frames of one kind, which the first frame decides."""

    def __init__(self) -> None:
        self._graph: Graph | None = None

    def resample(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """Convert a frame. Some of its samples come with later frames, or with `flush`."""
        if self._graph is None:
            self._graph = _graph_for(frame)
        self._graph.push(frame)
        return _pull_all(self._graph)

    def flush(self) -> list[av.AudioFrame]:
        """Return the samples that are still to come, when no frame follows."""
        if self._graph is None:
            return []
        self._graph.push(None)
        return _pull_all(self._graph)


def _graph_for(frame: av.AudioFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = {
        "sample_rate": str(frame.sample_rate),
        "sample_fmt": frame.format.name,
        "channel_layout": frame.layout.name,
    }
    if frame.time_base is not None:
        source["time_base"] = str(frame.time_base)
    graph.link_nodes(
        graph.add("abuffer", **source),
        graph.add("aformat", sample_rates=str(SAMPLE_RATE), sample_fmts=_FORMAT, channel_layouts=_LAYOUT),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _pull_all(graph: Graph) -> list[av.AudioFrame]:
    frames = list[av.AudioFrame]()
    while True:
        try:
            frame = graph.pull()
        except EOFError:
            return frames
        except av.FFmpegError as error:
            if error.errno != EAGAIN:
                raise
            return frames
        assert isinstance(frame, av.AudioFrame)
        frames.append(frame)
