"""Bahamut's push: the whole way, from `server.push` through the pubsub to the sessions."""

import sys
from datetime import UTC, datetime

import bahamut
from bahamut.elemental import Event, Identity, Model, Registry, attribute

from benchmarks.servers.control import entity, listen

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
"""All frames of a run have one length."""


class Task(Model, identity=Identity("task", "tasks")):
    id: str = attribute(default="", wire="ID", identifier=True)
    description: str = attribute(default="")
    done: bool = attribute(default=False)
    priority: int = attribute(default=1)
    status: str = attribute(default="TODO")
    title: str = attribute(default="")


class Everybody:
    """Lets every session in, and lets each have what it asked for."""

    async def on_push_session_init(self, session: bahamut.PushSession) -> bool:
        return True

    async def on_push_session_start(self, session: bahamut.PushSession) -> None:
        """Nothing is to be done."""

    async def on_push_session_stop(self, session: bahamut.PushSession) -> None:
        """Nothing is to be done."""

    async def should_dispatch(
        self, session: bahamut.PushSession, event: Event, summary: object
    ) -> bool:
        return True


async def publish(titles: list[str]) -> None:
    await server.push(
        *(Event.new("update", Task.from_wire(entity(title)), timestamp=NOW) for title in titles)
    )


async def control(_server: bahamut.Server) -> None:
    await listen(int(sys.argv[1]) + 1, publish)


server = bahamut.new(
    bahamut.opt_rest_server(f"127.0.0.1:{sys.argv[1]}"),
    bahamut.opt_model({0: Registry([Task])}),
    bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
    bahamut.opt_push_dispatch_handler(Everybody()),
    bahamut.opt_post_start_hook(control),
)

if __name__ == "__main__":
    bahamut.run(server)
