"""Block Kit's ``rich_text`` block."""

from __future__ import annotations

from bot.demo.slack.elements import ADDRESS, NAME
from bot.demo.slack.rules import Rule, boolean, integer, items, record, string, tagged, typed, word

_STYLE = record(
    may=dict.fromkeys(("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight"), boolean)
)
_SPAN: Rule = tagged(
    {
        "text": typed("text", need={"text": string(12_000, least=1)}, may={"style": _STYLE}),
        "link": typed("link", need={"url": ADDRESS}, may={"text": string(3000), "unsafe": boolean, "style": _STYLE}),
        "emoji": typed("emoji", need={"name": NAME}, may={"unicode": string(255), "style": _STYLE}),
        "user": typed("user", need={"user_id": NAME}, may={"style": _STYLE}),
        "channel": typed("channel", need={"channel_id": NAME}, may={"style": _STYLE}),
        "usergroup": typed("usergroup", need={"usergroup_id": NAME}, may={"style": _STYLE}),
        "broadcast": typed("broadcast", need={"range": word("here", "channel", "everyone")}, may={"style": _STYLE}),
        "date": typed(
            "date",
            need={"timestamp": integer(0, 2**40), "format": string(255, least=1)},
            may={"url": ADDRESS, "fallback": string(255)},
        ),
    }
)
_SPANS = items(_SPAN, 1000)
_BORDER = integer(0, 1)
_SECTION = typed("rich_text_section", need={"elements": _SPANS})
_LIST = typed(
    "rich_text_list",
    need={"style": word("bullet", "ordered"), "elements": items(_SECTION, 1000)},
    may={"indent": integer(0, 8), "offset": integer(0, 10_000), "border": _BORDER},
)

RICH_TEXT = typed(
    "rich_text",
    need={
        "elements": items(
            tagged(
                {
                    "rich_text_section": _SECTION,
                    "rich_text_list": _LIST,
                    "rich_text_preformatted": typed(
                        "rich_text_preformatted",
                        need={"elements": _SPANS},
                        may={"border": _BORDER, "language": NAME},
                    ),
                    "rich_text_quote": typed("rich_text_quote", need={"elements": _SPANS}, may={"border": _BORDER}),
                }
            ),
            100,
        )
    },
    may={"block_id": NAME},
)
