"""The todo API with logic of its own.

From the folder ``examples``: ``python -m todo.app [HOST:PORT]`` serves it until Ctrl-C, and
``python -m aiohttp.web todo.app:make_app`` does it under aiohttp's own runner. A browser shows on
``/`` what happens to the objects.
"""

import sys
from pathlib import Path

import bahamut
from aiohttp import web
from bahamut import regolithe
from bahamut.manipulate import MemoryManipulator, Parent, Query

registry = regolithe.build_registry(regolithe.load(Path(__file__).parent / "specs"))


class ListProcessor(bahamut.CRUDProcessor):
    async def process_retrieve(self, ctx: bahamut.Context) -> None:
        await super().process_retrieve(ctx)
        found = ctx.output_data
        of_list = Query(parent=Parent("list", found.id))
        found.task_count = await self.manipulator.count(self.registry.model("task"), of_list)


class TaskProcessor(bahamut.CRUDProcessor):
    async def process_create(self, ctx: bahamut.Context) -> None:
        if ctx.input_data.status == "DONE":
            raise bahamut.BadRequestError("New tasks cannot be DONE")
        await super().process_create(ctx)


async def page(_request: web.Request) -> web.FileResponse:
    """Answer ``/`` with a page that shows the events."""
    return web.FileResponse(Path(__file__).parent / "events.html")


def make_server(*options: bahamut.Option) -> bahamut.Server:
    """Return the server; *options* say where it listens."""
    server = bahamut.new(
        bahamut.opt_model({0: registry}),
        bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
        bahamut.opt_push_dispatch_handler(None),
        bahamut.opt_custom_root_handler(page),
        *options,
    )
    storage = MemoryManipulator()
    for name, processor in (
        ("list", ListProcessor(storage, registry)),
        ("task", TaskProcessor(storage, registry)),
        ("user", bahamut.CRUDProcessor(storage, registry)),
    ):
        bahamut.register_processor_or_die(server, processor, registry.identity(name))
    return server


def make_app(_argv: list[str] | None = None) -> web.Application:
    """Return the application for ``python -m aiohttp.web``."""
    return make_server().make_app()


if __name__ == "__main__":
    listen = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8080"
    bahamut.run(make_server(bahamut.opt_rest_server(listen)))
