"""Frames of clients, in whatever pieces they come."""

import asyncio
import random

import pytest
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_websocket import WebSocketError, WebSocketReader
from aiohttp.web import WSMsgType
from bahamut.web.masks import MaskedFrames

SIZES = (0, 1, 125, 126, 127, 65535, 65536)


def frame(size: int, *, is_masked: bool = True) -> bytes:
    bit = 0x80 if is_masked else 0
    if size < 126:
        head = bytes((0x82, bit | size))
    elif size < 65536:
        head = bytes((0x82, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x82, bit | 127)) + size.to_bytes(8, "big")
    return head + bytes(4 if is_masked else 0) + bytes(size)


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    found = []
    while data:
        step = chance.choice((1, 1, 2, 3, 7, 1000, 100_000))
        found.append(data[:step])
        data = data[step:]
    return found


def reading() -> tuple[MaskedFrames, WebSocketDataQueue]:
    loop = asyncio.get_running_loop()
    queue = WebSocketDataQueue(BaseProtocol(loop), 1 << 24, loop=loop)
    reader = WebSocketReader(queue, 1 << 20, compress=False, decode_text=False)
    return MaskedFrames(reader), queue


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(20))
async def test_masked_frames_pass_in_whatever_pieces(seed):
    chance = random.Random(seed)
    sizes = [chance.choice(SIZES) for _ in range(20)]
    frames, queue = reading()
    for piece in pieces(b"".join(map(frame, sizes)), chance):
        assert frames.feed_data(piece) == (False, b"")
    for size in sizes:
        message = await queue.read()
        assert (message.type, len(message.data)) == (WSMsgType.BINARY, size)


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(20))
async def test_x42_a_frame_without_a_mask_ends_what_is_read(seed):
    chance = random.Random(seed)
    frames, queue = reading()
    wrong = frame(chance.choice(SIZES), is_masked=False)
    data = frame(chance.choice(SIZES)) + wrong + frame(1)
    ends = [frames.feed_data(piece)[0] for piece in pieces(data, chance)]
    assert ends[-1]
    await queue.read()
    with pytest.raises(WebSocketError) as refused:
        await queue.read()
    assert refused.value.code == 1002
