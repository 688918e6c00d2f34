// Reads an MCAP file by its index with @mcap/core, and prints what is in it as one JSON object.
import { McapIndexedReader, McapStreamReader } from "@mcap/core";
import { loadDecompressHandlers } from "@mcap/support";
import { open, readFile } from "node:fs/promises";

const path = process.argv[2];
const decompressHandlers = await loadDecompressHandlers();
const file = await open(path, "r");
const readable = {
  size: async () => BigInt((await file.stat()).size),
  read: async (offset, length) => {
    const b = new Uint8Array(Number(length));
    const { bytesRead } = await file.read(b, 0, b.length, Number(offset));
    if (bytesRead !== b.length) throw new Error("the file is too short");
    return b;
  },
};

const reader = await McapIndexedReader.Initialize({ readable, decompressHandlers });
const frames = [];
for await (const m of reader.readMessages({ validateCrcs: true })) {
  const c = reader.channelsById.get(m.channelId);
  frames.push({
    topic: c.topic,
    encoding: c.messageEncoding,
    kind: c.metadata.get("kind"),
    sequence: m.sequence,
    logTime: String(m.logTime),
    publishTime: String(m.publishTime),
    body: Buffer.from(m.data).toString("base64"),
  });
}
const metadata = {};
for await (const m of reader.readMetadata()) metadata[m.name] = Object.fromEntries(m.metadata);

// From the beginning, without the index.
const stream = new McapStreamReader({ decompressHandlers, validateCrcs: true });
stream.append(await readFile(path));
let streamed = 0;
for (let r; (r = stream.nextRecord()); ) if (r.type === "Message") streamed++;
if (!stream.done()) throw new Error("the end of the file is not its end");

console.log(JSON.stringify({ frames, metadata, streamed, messageCount: String(reader.statistics.messageCount) }));
await file.close();
