"""A stand-in Model Studio, a server with inputs, and a caller that does what the bot does, by hand."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from aiohttp import web

from bot.demo.studio import StudioStandIn
from bot.demo.studio_state import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

KEY = "sk-practice"
BEARER = {"Authorization": f"Bearer {KEY}"}
PATH = "/services/aigc/image2video/video-synthesis"
MOVE, MIX = "wan2.2-animate-move", "wan2.2-animate-mix"
FORM = (
    "OSSAccessKeyId",
    "Signature",
    "policy",
    "x-oss-object-acl",
    "x-oss-forbid-overwrite",
    "key",
    "success_action_status",
)


@dataclass
class Origin:
    """Where the inputs lie: a server that can be told what to answer."""

    url: str = ""
    asked: list[web.Request] = field(default_factory=list)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    answers: dict[str, Callable[[], web.Response]] = field(default_factory=dict)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if request.path in self.answers:
            return self.answers[request.path]()
        kind, content = self.files[request.path]
        if "nolength" in request.query:
            response = web.StreamResponse(headers={"Content-Type": kind})
            await response.prepare(request)
            await response.write(content)
            return response
        return web.Response(body=content, content_type=kind)


@dataclass
class Bench:
    """The stand-in, the inputs' server and the caller."""

    studio: StudioStandIn
    origin: Origin
    http: httpx.AsyncClient

    @property
    def base(self) -> str:
        return self.studio.base_url

    def order(self, **changed: Any) -> dict[str, Any]:
        """A good create body, with these fields changed wherever they belong."""
        flat = {
            "model": MOVE,
            "image_url": f"{self.origin.url}/c.png",
            "video_url": f"{self.origin.url}/d.mp4",
            "watermark": False,
            "mode": "wan-std",
            "check_image": True,
            **changed,
        }
        return {
            "model": flat["model"],
            "input": {name: flat[name] for name in ("image_url", "video_url", "watermark")},
            "parameters": {name: flat[name] for name in ("mode", "check_image")},
        }

    async def get(self, path: str, **query: str) -> Any:
        answer = await self.http.get(self.base + path, params=query, headers=BEARER)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, body: Any, path: str = PATH, **headers: str | None) -> httpx.Response:
        """Post with the right headers, these changed; None leaves one out."""
        sent = {**BEARER, "X-DashScope-Async": "enable", "Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in {**sent, **named}.items() if value is not None}
        content = body if isinstance(body, str) else json.dumps(body)
        return await self.http.post(self.base + path, content=content, headers=kept)

    async def create(self, **changed: Any) -> str:
        answer = await self.post(self.order(**changed), X_DashScope_OssResourceResolve="enable")
        assert answer.status_code == 200, answer.text
        assert answer.json()["output"]["task_status"] == "PENDING"
        return str(answer.json()["output"]["task_id"])

    async def look(self, task_id: str) -> Any:
        return (await self.get(f"/tasks/{task_id}"))["output"]

    async def cancel(self, task_id: str) -> httpx.Response:
        return await self.post("", path=f"/tasks/{task_id}/cancel", Content_Type=None, X_DashScope_Async=None)

    async def ended(self, task_id: str) -> Status:
        await self.studio.wait_for(lambda: self.studio.tasks[task_id].ended_at)
        return self.studio.tasks[task_id].status

    async def failure(self, **changed: Any) -> tuple[str, str]:
        """Create a task that is to fail, free of charge. Returns its code and message."""
        task_id = await self.create(**changed)
        assert await self.ended(task_id) is Status.FAILED
        output = await self.look(task_id)
        assert output["task_status"] == "FAILED"
        assert self.studio.billed == []
        return output["code"], output["message"]

    async def upload(
        self, model: str, content: bytes, *, order: tuple[str, ...] = FORM, **changed: str
    ) -> httpx.Response:
        data = (await self.get("/uploads", action="getPolicy", model=model))["data"]
        return await self.send_form(data, content, order=order, **changed)

    async def send_form(
        self, data: dict[str, Any], content: bytes, *, order: tuple[str, ...] = FORM, **changed: str
    ) -> httpx.Response:
        fields = {
            "OSSAccessKeyId": data["oss_access_key_id"],
            "Signature": data["signature"],
            "policy": data["policy"],
            "x-oss-object-acl": data["x_oss_object_acl"],
            "x-oss-forbid-overwrite": data["x_oss_forbid_overwrite"],
            "key": f"{data['upload_dir']}/file",
            "success_action_status": "200",
            **changed,
        }
        parts: list[tuple[str, Any]] = [(name, (None, fields[name])) for name in order if name != "file"]
        parts.insert(order.index("file") if "file" in order else len(parts), ("file", ("file", content)))
        return await self.http.post(data["upload_host"], files=parts)


def _files(image: Path, video: Path) -> dict[str, tuple[str, bytes]]:
    return {"/c.png": ("image/png", image.read_bytes()), "/d.mp4": ("video/mp4", video.read_bytes())}


@asynccontextmanager
async def opened(folder: Path, image: Path, video: Path, renders: Path) -> AsyncIterator[Bench]:
    """Start everything, with a good picture and a good video at the inputs' server."""
    origin = Origin(files=_files(image, video))
    app = web.Application()
    app.router.add_get("/{name}", origin.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    studio = StudioStandIn(api_key=KEY, folder=folder, task_seconds=0.05, fast=True, renders=renders, fetch_timeout=2.0)
    try:
        async with studio, httpx.AsyncClient(timeout=5, trust_env=False) as http:
            yield Bench(studio, origin, http)
    finally:
        await runner.cleanup()
