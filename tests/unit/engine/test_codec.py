"""The codec between control and engine: any message survives, however the stream is cut."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import Decoder, encode
from rtc_drift.engine.protocol.plays import Bands, Fade, Lead, LeadOut, Play

NUMBERS = st.integers(0, 2**32 - 1)
TIMES = st.integers(0, 2**62)
# Paths may hold bytes that are not UTF-8, which Python shows as lone surrogates.
TEXT = st.text(st.characters(exclude_categories=()), max_size=40).map(
    lambda text: text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
)
FADES = st.none() | st.builds(Fade, TIMES, TIMES)
LEADS = st.none() | st.builds(Lead, TEXT, TIMES, TIMES)
LEAD_OUTS = st.none() | st.builds(LeadOut, TEXT, TIMES, TIMES)
BANDS = st.none() | st.builds(Bands, *(st.builds(Fade, TIMES, TIMES),) * 3)
PLAY_FIELDS = (
    *(NUMBERS, TEXT, TEXT, TIMES, TIMES, TIMES, st.floats(0, 16), TIMES, FADES, FADES),
    *(LEADS, LEAD_OUTS, BANDS, BANDS),
)
PLAYS = st.builds(Play, *PLAY_FIELDS)
MESSAGES = st.one_of(
    st.builds(m.OpenStation, NUMBERS, NUMBERS),
    st.builds(m.SetClock, NUMBERS, TIMES, st.none() | TIMES),
    st.builds(m.CloseStation, NUMBERS),
    st.builds(m.SetPlays, NUMBERS, st.lists(PLAYS, max_size=3).map(tuple)),
    st.builds(m.Subscribe, NUMBERS, st.booleans(), st.booleans(), st.booleans()),
    st.builds(m.Packet, NUMBERS, TIMES, st.binary(max_size=600)),
    st.builds(m.Pcm, NUMBERS, TIMES, st.binary(max_size=3840)),
    st.builds(m.DeckReady, NUMBERS, NUMBERS),
    st.builds(
        m.Health,
        st.lists(NUMBERS).map(tuple),
        st.lists(NUMBERS).map(tuple),
        NUMBERS,
        NUMBERS,
        NUMBERS,
        st.floats(0, 9),
        TIMES,
    ),
    st.builds(m.AddDecoder, NUMBERS),
    st.builds(m.DecoderDied, st.booleans()),
    st.builds(m.DeckFailed, NUMBERS, NUMBERS, TIMES, TEXT),
)


def test_the_strategy_covers_every_field_of_a_play() -> None:
    assert len(fields(Play)) == len(PLAY_FIELDS)


@given(st.lists(MESSAGES, max_size=5), st.integers(1, 97))
def test_any_chunking_gives_the_same_messages(messages: list[m.Message], size: int) -> None:
    stream = b"".join(encode(message) for message in messages)
    decoder = Decoder()
    received = [message for at in range(0, len(stream), size) for message in decoder.feed(stream[at : at + size])]
    assert received == messages
