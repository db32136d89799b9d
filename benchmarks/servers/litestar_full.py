"""Litestar doing the full job with msgspec, as its documentation teaches it, on uvicorn."""

import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import uvicorn
from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.enums import MediaType, RequestEncodingType
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.params import Body
from prometheus_client import Counter, Histogram

from benchmarks.servers.structs import Task
from benchmarks.work import HEADERS, TASKS, TOKEN

REQUESTS = Counter("requests_total", "Requests.", ("method", "url", "code"))
DURATIONS = Histogram("requests_duration_seconds", "Durations.", ("method", "url"))


async def authenticated(connection: ASGIConnection, _handler: BaseRouteHandler) -> None:
    if connection.headers.get("authorization") != TOKEN:
        raise NotAuthorizedException


async def authorized(connection: ASGIConnection, _handler: BaseRouteHandler) -> None:
    if not connection.headers.get("authorization"):
        raise PermissionDeniedException


class Full:
    """Counts, times and adds the headers, as a plain ASGI middleware: the fastest way there is."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.headers = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        begin, status = time.perf_counter(), 500

        async def send_more(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self.headers]
            await send(message)

        await self.app(scope, receive, send_more)
        url = scope.get("path_template", "other")
        DURATIONS.labels(scope["method"], url).observe(time.perf_counter() - begin)
        REQUESTS.labels(scope["method"], url, str(status)).inc()


tasks = {values["ID"]: msgspec.convert(values, Task) for values in TASKS}
created = 0


@get("/tasks/{task_id:str}")
async def get_one(task_id: str) -> Task:
    found = tasks.get(task_id)
    if found is None:
        raise NotFoundException
    return found


@get("/tasks")
async def list_all() -> Response[list[Task]]:
    return Response(list(tasks.values()), headers={"X-Count-Total": str(len(tasks))})


def _created(task: Task) -> Task:
    global created
    created += 1
    task.id = f"{created:024x}"
    task.create_time = task.update_time = datetime.now(UTC)
    return task


@post("/tasks", status_code=200)
async def create(data: Task, request: Request) -> Response[Task]:
    return Response(_created(data), media_type=MediaType.JSON)


@post("/packed", status_code=200, media_type=MediaType.MESSAGEPACK)
async def create_packed(
    data: Annotated[Task, Body(media_type=RequestEncodingType.MESSAGEPACK)],
) -> Task:
    return _created(data)


app = Litestar(
    [get_one, list_all, create, create_packed],
    guards=[authenticated, authorized],
    middleware=[Full],
    openapi_config=None,
    logging_config=None,
)

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
