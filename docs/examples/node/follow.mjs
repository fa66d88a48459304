// Keeps an own copy of the meeting rooms by following their events.
//
//     NATS_URL=nats://subscriber:...@127.0.0.1:4222 node follow.mjs [--until N] [consumer]

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const STREAM = "CONFIGMGT_EVENT_MEETINGROOM";
const STATE = "rooms.json";

// Positions and rooms are kept together: an effect without its position would be applied again.
function load() {
  try {
    return JSON.parse(readFileSync(STATE, "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return { versions: {}, rooms: {} };
  }
}

function store(state) {
  const file = openSync(`${STATE}.new`, "w");
  writeFileSync(file, JSON.stringify(state));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${STATE}.new`, STATE);
}

// Gives what was applied; nothing where the event came before.
function apply(state, message) {
  const id = decodeURIComponent(message.headers.get("ce-subject")).split("/").slice(1).join("/");
  const version = Number(message.headers.get("ce-objectversion"));
  const known = state.versions[id];
  if (known !== undefined && version <= known) return null;
  if (known !== undefined && version > known + 1) console.error(`gap: room ${id} went from ${known} to ${version}`);
  const room = message.json().after ?? null;
  if (room === null) delete state.rooms[id];
  else state.rooms[id] = room;
  state.versions[id] = version;
  return { id, version, room };
}

const args = process.argv.slice(2);
const until = args[0] === "--until" ? Number(args.splice(0, 2)[1]) : Infinity;
const consumer = args[0] ?? "follow-node";

const url = new URL(process.env.NATS_URL);
const connection = await connect({
  servers: url.host,
  user: url.username,
  pass: url.password,
  // The account may use inboxes below its own name only.
  inboxPrefix: `_INBOX.${url.username}`,
});
const manager = await jetstreamManager(connection);
await manager.consumers.add(STREAM, {
  durable_name: consumer,
  filter_subject: "configmgt.event.meetingroom.meetingroom.>",
  ack_policy: AckPolicy.Explicit,
  // One event is under way at a time: they keep their order when one has to be sent again.
  max_ack_pending: 1,
});
const events = await (await jetstream(connection).consumers.get(STREAM, consumer)).consume({ max_messages: 1 });
process.on("SIGTERM", () => events.stop());

const state = load();
let applied = 0;
for await (const message of events) {
  const change = apply(state, message);
  if (change !== null) {
    store(state);
    console.log(JSON.stringify(change));
    applied += 1;
  }
  await message.ackAck();
  if (applied >= until) break;
}
await connection.close();
