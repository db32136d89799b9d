"""FastAPI doing the full job, as its documentation teaches it, on uvicorn with uvloop."""

import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, Field

from benchmarks.work import HEADERS, PATTERN, STATUSES, TASKS, TOKEN

REQUESTS = Counter("requests_total", "Requests.", ("method", "url", "code"))
DURATIONS = Histogram("requests_duration_seconds", "Durations.", ("method", "url"))


class Task(BaseModel):
    id: str = Field(default="", alias="ID")
    createTime: datetime | None = None
    description: str = Field(default="", max_length=512)
    done: bool = False
    owner: str = Field(default="", max_length=64)
    priority: int = Field(default=1, ge=1, le=5)
    status: Literal[STATUSES] = "TODO"
    tags: list[str] = []
    title: str = Field(max_length=64, pattern=PATTERN)
    updateTime: datetime | None = None


async def authenticated(authorization: Annotated[str, Header()]) -> str:
    if authorization != TOKEN:
        raise HTTPException(401)
    return authorization


async def authorized(token: Annotated[str, Depends(authenticated)]) -> None:
    if not token:
        raise HTTPException(403)


Scope, Send = dict[str, Any], Callable[[dict[str, Any]], Awaitable[None]]


class Full:
    """Counts, times and adds the headers, as a plain ASGI middleware: the fastest way there is."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.headers = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def send_more(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self.headers]
            await send(message)

        await self.app(scope, receive, send_more)
        route = scope.get("route")
        url = route.path if route is not None else "other"
        DURATIONS.labels(scope["method"], url).observe(time.perf_counter() - begin)
        REQUESTS.labels(scope["method"], url, str(status)).inc()


app = FastAPI(dependencies=[Depends(authorized)])
app.add_middleware(Full)
tasks = {values["ID"]: Task.model_validate(values) for values in TASKS}
created = 0


@app.get("/tasks/{task_id}")
async def get(task_id: str) -> Task:
    found = tasks.get(task_id)
    if found is None:
        raise HTTPException(404)
    return found


@app.get("/tasks")
async def list_all(response: Response) -> list[Task]:
    response.headers["X-Count-Total"] = str(len(tasks))
    return list(tasks.values())


@app.post("/tasks")
async def create(task: Task) -> Task:
    global created
    created += 1
    task.id = f"{created:024x}"
    task.createTime = task.updateTime = datetime.now(UTC)
    return task


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
