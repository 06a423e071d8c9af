/** From what kafkajs decoded to the core's records, framed one by one. */

import type { KafkaMessage } from "kafkajs";
import { Buffer, isUtf8 } from "node:buffer";
import type { Bytes, LogRecord } from "../core/ports.ts";
import { headersOf } from "./patches.ts";

/** What a record costs beside its own bytes, about. */
const RECORD_OVERHEAD_BYTES = 100;

export function toRecord(message: KafkaMessage): LogRecord {
  let bytes = RECORD_OVERHEAD_BYTES + (message.key?.length ?? 0) + (message.value?.length ?? 0);
  let id: string | null = null;
  const headers: [string, Bytes][] = [];
  for (const [name, value] of headersOf(message)) {
    bytes += name.length + (value?.length ?? 0);
    // A header without a value has nowhere to be kept; it becomes an empty one.
    const framed = value === null ? "" : toBytes(value);
    if (name === "id" && id === null && typeof framed === "string") id = framed;
    else headers.push([name, framed]);
  }
  return {
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key === null ? null : toBytes(message.key),
    id,
    headers,
    value: message.value === null ? null : toBytes(message.value),
    bytes,
  };
}

function toBytes(data: Uint8Array): Bytes {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(buffer) ? buffer.toString("utf8") : [buffer.toString("base64")];
}
