"""aiohttp on uvloop with msgspec by hand: nothing but the work, nobody asked, nothing counted."""

import sys
from datetime import UTC, datetime

import msgspec
import uvloop
from aiohttp import web

from benchmarks.servers.structs import Task
from benchmarks.work import TASKS


class Tasks:
    def __init__(self) -> None:
        self.tasks = {values["ID"]: msgspec.convert(values, Task) for values in TASKS}
        self.created = 0
        self.json_encoder, self.msgpack_encoder = msgspec.json.Encoder(), msgspec.msgpack.Encoder()
        self.json_decoder = msgspec.json.Decoder(Task)
        self.msgpack_decoder = msgspec.msgpack.Decoder(Task)

    async def get(self, request: web.Request) -> web.Response:
        found = self.tasks.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(body=self.json_encoder.encode(found), content_type="application/json")

    async def list(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self.json_encoder.encode(list(self.tasks.values())),
            content_type="application/json",
            headers={"X-Count-Total": str(len(self.tasks))},
        )

    async def create(self, request: web.Request) -> web.Response:
        body = await request.read()
        is_json = request.content_type == "application/json"
        try:
            task = (self.json_decoder if is_json else self.msgpack_decoder).decode(body)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise web.HTTPUnprocessableEntity(text=str(error)) from error
        self.created += 1
        task.id = f"{self.created:024x}"
        task.create_time = task.update_time = datetime.now(UTC)
        encoder = self.json_encoder if is_json else self.msgpack_encoder
        return web.Response(body=encoder.encode(task), content_type=request.content_type)


async def make_app() -> web.Application:
    tasks, app = Tasks(), web.Application()
    app.router.add_get("/tasks/{id}", tasks.get)
    app.router.add_get("/tasks", tasks.list)
    app.router.add_post("/tasks", tasks.create)
    return app


if __name__ == "__main__":
    web.run_app(
        make_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )
