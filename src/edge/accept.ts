/** From the text of an event to a record that Kafka may have, or the problem with it. */

import { Buffer } from "node:buffer";
import { v7 as uuidv7 } from "uuid";
import { partitionOf } from "../kafka/partitioner.ts";
import type { ProduceRecord } from "../kafka/producer.ts";
import type { Stream } from "../stream/define.ts";
import { InvalidJson, parseJson } from "../stream/json.ts";
import { EVENT_ID_LENGTH_MAX } from "../stream/table.ts";
import { asSentence, type Cut, type Events, invalidDocument } from "./events.ts";
import { type Problem, problem, Refusal } from "./problem.ts";

export type Checked =
  | { id: string; record: ProduceRecord }
  | { id?: string; problem: Problem };

export interface RequestHeaders {
  idempotencyKey: string | null;
  traceparent: string | null;
}

const KEY_BYTES_MAX = 512;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** @throws Refusal if the body is one document and not valid JSON. */
export function checkEvents(
  stream: Stream,
  events: Events,
  headers: RequestHeaders,
  recordBytesMax: number,
): Checked[] {
  const givenIds = idsFromKey(headers.idempotencyKey, events);
  const trace = headers.traceparent !== null && TRACEPARENT.test(headers.traceparent)
    ? { traceparent: headers.traceparent }
    : {};
  return events.cuts.map((cut, index) => {
    const value = Buffer.from(cut.text, "utf8");
    if (value.length > recordBytesMax) {
      return { problem: problem("record_too_large", `It may have ${recordBytesMax} bytes`) };
    }
    const parsed = parseEvent(cut, events.isDocument);
    if ("problem" in parsed) return parsed;
    const checked = checkEvent(stream, parsed.value, givenIds?.(index) ?? null);
    if ("problem" in checked) return checked;
    const { id, key } = checked;
    const partition = partitionOf(key, stream.topic.partitions);
    return { id, record: { partition, key, value, headers: { id, ...trace } } };
  });
}

function parseEvent(cut: Cut, isDocument: boolean): { value: unknown } | { problem: Problem } {
  try {
    return { value: parseJson(cut.text) };
  } catch (error) {
    if (!(error instanceof InvalidJson)) throw error;
    if (isDocument && error.reason === "syntax") throw invalidDocument(error, cut.start);
    return { problem: problem("invalid_json", asSentence(error)) };
  }
}

/** How the ids of a request derive from its Idempotency-Key: the key itself, or key and index. */
function idsFromKey(key: string | null, events: Events): ((index: number) => string) | null {
  if (key === null) return null;
  const suffixLength = events.isSingle ? 0 : String(events.cuts.length - 1).length + 1;
  const lengthMax = EVENT_ID_LENGTH_MAX - suffixLength;
  if (!VISIBLE_ASCII.test(key) || key.length > lengthMax) {
    throw new Refusal(
      "invalid_idempotency_key",
      `It must be 1 to ${lengthMax} visible ASCII characters`,
    );
  }
  return events.isSingle ? () => key : (index) => `${key}-${index}`;
}

function checkEvent(
  stream: Stream,
  value: unknown,
  givenId: string | null,
): { id: string; key: Buffer } | { id?: string; problem: Problem } {
  const result = stream.event.safeParse(value);
  if (!result.success) return { problem: describeIssue(result.error.issues[0]!) };
  const id = chooseId(stream, value, givenId);
  if (typeof id !== "string") return { problem: id };
  const key = keyOf(stream, result.data, id);
  return Buffer.isBuffer(key) ? { id, key } : { id, problem: key };
}

function chooseId(stream: Stream, value: unknown, givenId: string | null): string | Problem {
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "id")) {
    const { id } = value as { id: unknown };
    if (typeof id === "string") return checkId(id);
    if (!declaresId(stream)) return problem("invalid_id", "It must be text", "id");
  }
  return givenId ?? uuidv7();
}

/** A stream may declare a member `id` of its own that is no text; it is then not the event's id. */
function declaresId(stream: Stream): boolean {
  const { shape } = stream.event as { shape?: object };
  return shape !== undefined && Object.hasOwn(shape, "id");
}

function checkId(id: string): string | Problem {
  if (id.length === 0 || id.length > EVENT_ID_LENGTH_MAX || CONTROL.test(id)) {
    return problem(
      "invalid_id",
      `It must be 1 to ${EVENT_ID_LENGTH_MAX} characters without control characters`,
      "id",
    );
  }
  return id;
}

function keyOf(stream: Stream, event: unknown, id: string): Buffer | Problem {
  const text = stream.key(event) ?? id;
  const key = Buffer.from(text, "utf8");
  if (key.length > KEY_BYTES_MAX || text.includes("\0") || !text.isWellFormed()) {
    return problem("invalid_key", `It may have ${KEY_BYTES_MAX} bytes and no NUL`);
  }
  return key;
}

interface Issue {
  code?: string;
  message: string;
  path: PropertyKey[];
}

/** Names of members the client made up are not repeated, neither in the path nor in the text. */
function describeIssue(issue: Issue): Problem {
  const detail = issue.code === "unrecognized_keys" ? "It has an unknown member" : issue.message;
  const path = issue.path
    .map((part) => /^[\w$-]{1,64}$/.test(String(part)) ? String(part) : "?").join(".");
  return problem("invalid_event", detail, path);
}
