"""The shortcuts: on a message, whose files then stand in the form, and from the search bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.order import Kind
from bot.slack import invitations, modal
from bot.slack.offers import Prefill, is_stub, offers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.slack.afterwards import Afterwards
    from bot.slack.forms import Forms

ON_MESSAGE: Mapping[str, Kind] = {"animate_message": Kind.ANIMATE, "swap_message": Kind.SWAP}
ANYWHERE: Mapping[str, Kind] = {"animate_anywhere": Kind.ANIMATE, "swap_anywhere": Kind.SWAP}


class Shortcuts:
    """Opens the form for them."""

    def __init__(self, forms: Forms, afterwards: Afterwards) -> None:
        self._forms = forms
        self._afterwards = afterwards

    def register(self, app: AsyncApp) -> None:
        """Attach the listeners to the app."""
        for callback_id in ON_MESSAGE:
            app.message_shortcut(callback_id)(self.on_message)
        for callback_id in ANYWHERE:
            app.global_shortcut(callback_id)(self.anywhere)

    async def on_message(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        """Open the form with the message's files; the job's thread is the message's."""
        message = shortcut["message"]
        files = [file for file in message.get("files") or [] if isinstance(file, dict)]
        origin = modal.Origin(
            ON_MESSAGE[shortcut["callback_id"]],
            shortcut["channel"]["id"],
            thread=message.get("thread_ts") or message["ts"],
            response_url=shortcut.get("response_url"),
        )
        await self._open(
            ack,
            shortcut,
            origin,
            prefill=Prefill(offers=offers(files)),
            thread=message.get("thread_ts"),
            named=tuple(str(file["id"]) for file in files if is_stub(file) and file.get("id")),
        )

    async def anywhere(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        """Open the form, which asks where the video goes: this shortcut comes from no conversation."""
        await self._open(ack, shortcut, modal.Origin(ANYWHERE[shortcut["callback_id"]]))

    async def _open(self, ack: AsyncAck, shortcut: Mapping[str, Any], origin: modal.Origin, **more: Any) -> None:
        user = shortcut["user"]["id"]
        if invitations.is_stranger(shortcut):
            self._afterwards.start(self._forms.tell(origin, user, invitations.STRANGER))
        else:
            self._afterwards.start(self._forms.open(shortcut["trigger_id"], origin, user=user, **more))
        await ack()
