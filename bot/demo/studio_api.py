"""The calls of the stand-in Model Studio: who may make them, what they do, and how they go wrong on demand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from bot.demo import studio_answers as answers
from bot.demo.studio_request import authenticate, parse_create
from bot.demo.studio_state import Call, Create, Rejection, Status
from bot.demo.studio_storage import storage_error
from bot.demo.studio_trouble import Fault, Operation

if TYPE_CHECKING:
    from bot.demo.studio_results import Results
    from bot.demo.studio_state import StudioState
    from bot.demo.studio_storage import TemporaryStorage
    from bot.demo.studio_trouble import Trouble
    from bot.demo.studio_work import Workshop

Work = Callable[[web.Request], Awaitable[web.StreamResponse]]

CREATE_PATH = "/api/v1/services/aigc/image2video/video-synthesis"
_PER_SECOND = {
    Operation.CREATE: 5,
    Operation.QUERY: 20,
    Operation.LIST: 20,
    Operation.CANCEL: 20,
    Operation.POLICY: 100,
}
_FILES = frozenset({Operation.UPLOAD, Operation.RESULT})  # object storage: no key, errors in XML
_KEY_ID: web.RequestKey[str] = web.RequestKey("key_id", str)
_FAULT: web.RequestKey[Fault | None] = web.RequestKey("fault", Fault)


class Api:
    """The routes. Each call is counted, may meet its fault, is authenticated and then done."""

    def __init__(
        self, state: StudioState, trouble: Trouble, works: Workshop, storage: TemporaryStorage, results: Results
    ) -> None:
        self._state = state
        self._trouble = trouble
        self._works = works
        self._storage = storage
        self._results = results
        self._late: set[asyncio.Task[web.StreamResponse]] = set()

    def app(self) -> web.Application:
        """A new application with all routes."""
        app = web.Application(client_max_size=1 << 20)
        app.on_response_prepare.append(self._date)
        app.add_routes(
            [
                web.post(CREATE_PATH, self._handler(Operation.CREATE, self._create)),
                web.get("/api/v1/tasks/", self._handler(Operation.LIST, self._list)),
                web.get("/api/v1/tasks/{task_id}", self._handler(Operation.QUERY, self._query)),
                web.post("/api/v1/tasks/{task_id}/cancel", self._handler(Operation.CANCEL, self._cancel)),
                web.get("/api/v1/uploads", self._handler(Operation.POLICY, self._policy)),
                web.post("/", self._handler(Operation.UPLOAD, self._storage.upload)),
                web.get("/results/{task_id}.mp4", self._handler(Operation.RESULT, self._result)),
            ]
        )
        return app

    async def close(self) -> None:
        """Give up what was still to come late."""
        for task in tuple(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _date(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self._state.now(), usegmt=True)

    def _handler(self, operation: Operation, work: Work) -> Work:
        async def handle(request: web.Request) -> web.StreamResponse:
            state = self._state
            if operation not in _FILES:
                await request.read()  # what came in part is no call; a late effect needs no connection
            call = Call(operation=operation, at=state.now(), method=request.method, path=request.path)
            state.calls.append(call)
            state.changed()
            state.requests[operation] += 1
            fault = self._trouble.draw(operation)
            request[_FAULT] = fault
            if fault is None or fault.reshapes_file:
                response = await self._perform(operation, work, request)
            else:
                response = await self._troubled(fault, operation, work, request)
            call.status = None if request.transport is None or request.transport.is_closing() else response.status
            state.changed()
            return response

        return handle

    async def _troubled(
        self, fault: Fault, operation: Operation, work: Work, request: web.Request
    ) -> web.StreamResponse:
        if fault.late is not None:
            _hang_up(request)
            self._later(fault.late, self._perform(operation, work, request))
            return web.Response()
        await asyncio.sleep(fault.delay)
        if fault.until is not None:
            await fault.until.wait()
        response: web.StreamResponse = web.Response()
        if fault.effect:
            response = await self._perform(operation, work, request)
        await asyncio.sleep(fault.silence)
        if fault.hang_up:
            _hang_up(request)
        if fault.status is None:
            return response
        body = fault.body.encode()
        return web.Response(
            status=fault.status, body=body, content_type=fault.content_type, headers=dict(fault.headers)
        )

    def _later(self, seconds: float, work: Awaitable[web.StreamResponse]) -> None:
        async def wait() -> web.StreamResponse:
            await asyncio.sleep(seconds)
            response = await work
            self._state.changed()
            return response

        task = asyncio.get_running_loop().create_task(wait())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _perform(self, operation: Operation, work: Work, request: web.Request) -> web.StreamResponse:
        """Do the work; a rejection becomes the answer."""
        try:
            if operation in _PER_SECOND:
                request[_KEY_ID] = authenticate(request.headers, self._state.keys)
                if operation is not Operation.CREATE:  # each model has a limit of its own
                    self._state.count(operation, limit=_PER_SECOND[operation])
            return await work(request)
        except Rejection as rejection:
            if operation in _FILES:
                return storage_error(rejection)
            return answers.rejection(rejection)

    async def _create(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
        body, now, request_id = await request.read(), self._state.now(), str(uuid.uuid4())
        try:
            asked = parse_create(request.headers, body)
        except Rejection as rejection:
            refusal = rejection.code
            self._state.creates.append(Create(at=now, headers=headers, body=body, task_id=None, refusal=refusal))
            raise
        self._state.count(f"{Operation.CREATE} {asked.model}", limit=_PER_SECOND[Operation.CREATE])
        task = self._works.take(asked, key_id=request[_KEY_ID], request_id=request_id)
        self._state.creates.append(Create(at=now, headers=headers, body=body, task_id=task.id))
        self._state.changed()
        output = {"task_id": task.id, "task_status": str(Status.PENDING)}
        return web.json_response({"request_id": request_id, "output": output})

    async def _query(self, request: web.Request) -> web.Response:
        task_id = request.match_info["task_id"]
        task = self._state.alive(task_id)
        if task is None:
            return answers.unknown(task_id)
        task.looks += 1
        return answers.look(task, self._results.url(task, str(request.url.origin())))

    async def _list(self, request: web.Request) -> web.Response:
        return answers.page(self._state, request.query)

    async def _cancel(self, request: web.Request) -> web.Response:
        task = self._state.alive(request.match_info["task_id"])
        if task is None or not self._works.cancel(task):
            message = "Failed to cancel the task, please confirm if the task is in PENDING status."
            raise Rejection(400, "UnsupportedOperation", message)
        return answers.answer({})

    async def _policy(self, request: web.Request) -> web.Response:
        return answers.answer({"data": self._storage.policy(request.query, str(request.url.origin()))})

    async def _result(self, request: web.Request) -> web.StreamResponse:
        return await self._results.serve(request, request[_FAULT])


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
