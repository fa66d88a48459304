"""Keeps an own copy of the meeting rooms by following their events.

    NATS_URL=nats://subscriber:...@127.0.0.1:4222 python follow.py [--until N] [consumer]
"""

import asyncio
import json
import os
import signal
import sys
import urllib.parse

import nats
from nats.errors import TimeoutError
from nats.js.api import AckPolicy, ConsumerConfig

STREAM = "CONFIGMGT_EVENT_MEETINGROOM"
STATE = "rooms.json"


def load():
    """Positions and rooms are kept together: an effect without its position would be applied again."""
    try:
        with open(STATE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"versions": {}, "rooms": {}}


def store(state):
    with open(STATE + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(STATE + ".new", STATE)


def apply(state, message):
    """Gives what was applied; nothing where the event came before."""
    object_id = urllib.parse.unquote(message.headers["ce-subject"]).split("/", 1)[1]
    version = int(message.headers["ce-objectversion"])
    known = state["versions"].get(object_id)
    if known is not None and version <= known:
        return None
    if known is not None and version > known + 1:
        print(f"gap: room {object_id} went from {known} to {version}", file=sys.stderr)
    after = json.loads(message.data).get("after")
    if after is None:
        state["rooms"].pop(object_id, None)
    else:
        state["rooms"][object_id] = after
    state["versions"][object_id] = version
    return {"id": object_id, "version": version, "room": after}


async def main():
    arguments = sys.argv[1:]
    until = None
    if arguments[:1] == ["--until"]:
        until, arguments = int(arguments[1]), arguments[2:]
    consumer = arguments[0] if arguments else "follow-python"
    url = urllib.parse.urlsplit(os.environ["NATS_URL"])
    # The account may use inboxes below its own name only.
    connection = await nats.connect(os.environ["NATS_URL"], inbox_prefix=f"_INBOX.{url.username}".encode())
    # One event is under way at a time: they keep their order when one has to be sent again.
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=1)
    events = await connection.jetstream().pull_subscribe(
        "configmgt.event.meetingroom.meetingroom.>", durable=consumer, stream=STREAM, config=config
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    state, applied = load(), 0
    while not stop.is_set() and applied != until:
        try:
            messages = await events.fetch(1, timeout=1)
        except TimeoutError:
            continue
        for message in messages:
            change = apply(state, message)
            if change is not None:
                store(state)
                print(json.dumps(change), flush=True)
                applied += 1
            await message.ack_sync()
    await connection.close()


asyncio.run(main())
