"""The client of NATS, with a real server."""

from __future__ import annotations

import asyncio
import datetime
import functools
import ipaddress
import logging
import ssl
import time
from pathlib import Path

import nats.errors
import pytest
from bahamut.pubsub import (
    NotConnectedError,
    Publication,
    PubSubError,
    nats_opt_client_id,
    nats_opt_connect_retry_interval,
    nats_opt_credentials,
    nats_opt_error_handler,
    nats_opt_publish_require_ack,
    nats_opt_reconnect_grace,
    nats_opt_tls,
    new_nats_pubsub_client,
)
from bahamut.supervisor import RunContext
from bahamut.testing.conformance import pubsub
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from nats.aio.client import Client as Connection
from tests.integration.nats_support import NATSServer
from tests.integration.support import free_port

SOON = nats_opt_connect_retry_interval(0.1)


@pytest.mark.asyncio
@pytest.mark.parametrize("check", pubsub.CHECKS, ids=lambda check: check.__name__)
async def test_conformance(check):
    async with NATSServer() as server:
        await check(functools.partial(new_nats_pubsub_client, server.url))


# --- connecting ------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_wrong_credentials_fail_at_once():
    async with NATSServer("--user", "ann", "--pass", "secret") as server:
        client = new_nats_pubsub_client(server.url, nats_opt_credentials("ann", "wrong"))
        begin = time.monotonic()
        with pytest.raises(NotConnectedError, match="Authorization Violation"):
            await client.connect()
        assert time.monotonic() - begin < 2
        assert not await client.connect().wait(5)
        with pytest.raises(NotConnectedError, match="not connected"):
            await client.ping(1)
        await client.disconnect()
        client = new_nats_pubsub_client(server.url, nats_opt_credentials("ann", "secret"))
        await client.connect(timeout=5)
        await client.ping(5)
        await client.disconnect()


@pytest.mark.asyncio
async def test_x23_connecting_can_be_cancelled():
    client = new_nats_pubsub_client(f"nats://127.0.0.1:{free_port()}")
    attempt = asyncio.ensure_future(_joined(client.connect()))
    await asyncio.sleep(0)
    with pytest.raises(NotConnectedError, match="connecting"):
        await client.ping(1)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    with pytest.raises(NotConnectedError, match="not connected"):
        await client.ping(1)
    await client.disconnect()


async def _joined(waiter):
    await waiter


@pytest.mark.asyncio
async def test_x23_connecting_ends_with_its_context_or_in_time():
    late = "unable to connect to nats on time. last error: nats: no servers available"
    client = new_nats_pubsub_client(f"nats://127.0.0.1:{free_port()}", SOON)
    ctx = RunContext()
    asyncio.get_running_loop().call_later(0.2, ctx.cancel)
    with pytest.raises(NotConnectedError, match=late):
        await client.connect(ctx)
    with pytest.raises(NotConnectedError, match=late):
        await client.connect(timeout=0.2)
    assert not await client.connect().wait(0.1)
    await client.disconnect()


@pytest.mark.asyncio
async def test_x23_connecting_ends_even_if_its_end_is_lost_in_the_library(monkeypatch):
    begun, real = asyncio.Event(), Connection.connect

    async def connect(*args, **kwargs):
        try:
            await real(*args, **kwargs)
        except asyncio.CancelledError:  # as asyncio.wait_for of Python 3.11 does it
            raise nats.errors.NoServersError from None

    async def serve(reader, writer):
        begun.set()
        await reader.read()
        writer.close()

    monkeypatch.setattr(Connection, "connect", connect)
    silent = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    client, ctx = new_nats_pubsub_client(f"nats://127.0.0.1:{port}", SOON), RunContext()
    waiter = client.connect(ctx)
    await begun.wait()
    ctx.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(NotConnectedError, match="on time"):
            await waiter
        await client.disconnect()
    silent.close()
    await silent.wait_closed()


@pytest.mark.asyncio
async def test_x23_disconnecting_ends_an_attempt():
    client = new_nats_pubsub_client(f"nats://127.0.0.1:{free_port()}")
    attempt = asyncio.ensure_future(_joined(client.connect()))
    await asyncio.sleep(0.05)
    await client.disconnect()
    with pytest.raises(NotConnectedError, match="given up"):
        await attempt


@pytest.mark.asyncio
async def test_connecting_waits_for_the_server():
    server = NATSServer()
    client = new_nats_pubsub_client(server.url, SOON)
    waiter = client.connect()
    with pytest.raises(NotConnectedError, match="messages dropped"):
        await client.publish(Publication("t"))
    async with server:
        assert await waiter.wait(10)
        await client.ping(5)
        await client.disconnect()


@pytest.mark.asyncio
async def test_x23_a_server_that_says_nothing_keeps_nobody_waiting():
    async def serve(reader, writer):
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    client = new_nats_pubsub_client(f"nats://127.0.0.1:{port}", SOON)
    with pytest.raises(NotConnectedError, match="on time"):
        await client.connect(timeout=0.3)
    await client.disconnect()
    silent.close()
    await silent.wait_closed()


# --- TLS -------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path) -> Path:
    """Return a folder with a certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return tmp_path


def tls_options(folder: Path) -> list[str]:
    return ["--tls", f"--tlscert={folder}/cert.pem", f"--tlskey={folder}/key.pem"]


@pytest.mark.asyncio
async def test_x23_tls(certificate):
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    async with NATSServer(*tls_options(certificate)) as server:
        client = new_nats_pubsub_client(server.url, nats_opt_tls(trusting))
        await client.connect(timeout=5)
        async with client.subscribe("t") as subscription:
            await client.publish(Publication("t"))
            await pubsub.received(subscription, 1)
        await client.disconnect()
        client = new_nats_pubsub_client(server.url, nats_opt_tls(ssl.create_default_context()))
        with pytest.raises(NotConnectedError, match="certificate"):
            await client.connect(timeout=1)
        await client.disconnect()


@pytest.mark.asyncio
async def test_x23_without_tls_no_credentials_leave():
    heard = bytearray()

    async def serve(reader, writer):
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1024}\r\n')
        while line := await reader.readline():
            heard.extend(line)
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = new_nats_pubsub_client(
        f"nats://127.0.0.1:{port}",
        nats_opt_tls(ssl.create_default_context()),
        nats_opt_credentials("ann", "secret"),
    )
    with pytest.raises(NotConnectedError, match="secure connection not available"):
        await client.connect(timeout=0.3)
    await client.disconnect()
    assert b"secret" not in heard
    server.close()
    await server.wait_closed()


# --- losing the connection -------------------------------------------------------------------


@pytest.mark.asyncio
async def test_x20_nothing_is_lost_unheard_when_the_server_dies_under_load(caplog):
    """Unique publications that arrive and those that are counted are all that were published."""
    caplog.set_level(logging.CRITICAL, "bahamut.pubsub")
    count, came = 20_000, []
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        async with client.subscribe("load") as subscription:

            async def read():
                while taken := await subscription.take(100):
                    came.extend(each.partition for each in taken)

            async def publish():
                for number in range(count):
                    await client.publish(Publication("load", partition=number))
                    if number % 100 == 0:
                        await asyncio.sleep(0.005)  # for the load to last

            reading, publishing = asyncio.create_task(read()), asyncio.create_task(publish())
            for share in (0.2, 0.5, 0.7):
                await _until(lambda share=share: len(came) > share * count)
                server.kill()
                await _until(lambda: not client._link)
                with pytest.raises(NotConnectedError, match="reconnecting"):
                    await client.ping(1)
                await server.start()
            await publishing
            await client.disconnect()
            await reading
    unique = list(dict.fromkeys(came))
    assert unique == sorted(unique)
    assert len(unique) + client.dropped == count


async def _until(condition, limit: float = 20.0) -> None:
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)


@pytest.mark.asyncio
async def test_subscriptions_outlive_their_connection():
    async with NATSServer() as server:
        here, there = (new_nats_pubsub_client(server.url, SOON) for _ in range(2))
        async with here.subscribe("t.>") as subscription:
            await here.connect(timeout=5)
            await there.connect(timeout=5)
            server.kill()
            await _until(lambda: not here._link and not there._link)
            async with here.subscribe("t.x") as entered_meanwhile:
                await server.start()
                await _until(lambda: here._link)
                await there.publish(Publication("t.x"))
                await pubsub.received(subscription, 1)
                await pubsub.received(entered_meanwhile, 1)
        await here.disconnect()
        await there.disconnect()


@pytest.mark.asyncio
async def test_who_is_cancelled_while_entering_leaves_nothing_behind():
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        with server.paused(), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), client.subscribe("t"):
                raise AssertionError("the server cannot have answered")
        assert not client._subscriptions
        await client.ping(5)
        await client.disconnect()


@pytest.mark.asyncio
async def test_x20_what_cannot_be_sent_before_the_stop_is_counted(monkeypatch, caplog):
    monkeypatch.setattr("bahamut.pubsub.nats_client.PATIENCE", 0.2)
    heard = []
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON, nats_opt_error_handler(heard.append))
        await client.connect(timeout=5)
        server.kill()
        await _until(lambda: not client._link)
        for _ in range(7):
            await client.publish(Publication("t"))
        with pytest.raises(TimeoutError, match="deadline"):
            await client.publish(Publication("t"), nats_opt_publish_require_ack(timeout=0.1))
        await client.disconnect()
    assert client.dropped == 7
    assert "7 publications could not be sent" in caplog.text
    assert any("7 publications" in str(error) for error in heard)


@pytest.mark.asyncio
async def test_x20_a_full_outbox_refuses(monkeypatch):
    monkeypatch.setattr("bahamut.pubsub.nats_client.PATIENCE", 0.1)
    monkeypatch.setattr("bahamut.pubsub.nats_client.BOUND", 3)
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON, nats_opt_reconnect_grace(0))
        await client.connect(timeout=5)
        server.kill()
        await _until(lambda: not client._link)
        for _ in range(3):
            await client.publish(Publication("t"))
        with pytest.raises(PubSubError, match="outbound buffer limit exceeded"):
            await client.publish(Publication("t"))
        await server.start()
        await _until(lambda: client._link)
        await client.publish(Publication("t"))
        await client.disconnect()
    assert client.dropped == 0


@pytest.mark.asyncio
async def test_a_request_ends_with_its_connection():
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        async with client.subscribe("t"):
            silent = pubsub.nats_opt_respond_to_channel(timeout=30)
            asking = asyncio.create_task(client.publish(Publication("t"), silent))
            await client.ping(5)
            server.kill()
            with pytest.raises(NotConnectedError, match="connection closed"):
                await asking
        await client.disconnect()


@pytest.mark.asyncio
async def test_ping_tells_of_a_server_that_hangs():
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        with server.paused(), pytest.raises(TimeoutError, match="connection timeout"):
            await client.ping(0.1)
        await client.ping(5)
        await client.publish(Publication("t"))
        await client.ping(5)
        await client.disconnect()


@pytest.mark.asyncio
async def test_disconnecting_from_a_server_that_hangs_ends(monkeypatch):
    monkeypatch.setattr("bahamut.pubsub.nats_client.PATIENCE", 0.2)
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        with server.paused():
            for _ in range(30):
                await client.publish(Publication("t", data=bytes(1_000_000)))
            async with asyncio.timeout(5):
                await client.disconnect()
    assert client.dropped == 30


@pytest.mark.asyncio
async def test_publications_larger_than_the_server_takes_are_refused():
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON, nats_opt_client_id("me"))
        await client.connect(timeout=5)
        with pytest.raises(PubSubError, match="maximum payload exceeded"):
            await client.publish(Publication("t", data=bytes(1 << 20)))
        await client.disconnect()


@pytest.mark.asyncio
async def test_the_largest_publications_are_all_confirmed():
    """What nats-py holds back when a socket is full is behind no ping."""
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        async with client.subscribe("t") as subscription:
            for number in range(100):
                await client.publish(Publication("t", data=bytes(1_000_000), partition=number))
            found = await pubsub.received(subscription, 100)
            assert [each.partition for each in found] == list(range(100))
        await client.disconnect()
    assert client.dropped == 0
