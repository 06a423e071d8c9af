/**
 * From a body to the texts of its events. A record's value is the client's JSON as it came, so
 * events are cut out of the text and never written anew.
 */

import { DEPTH_MAX, InvalidJson, scanJson, skipSpace } from "../stream/json.ts";
import { Refusal } from "./problem.ts";

export type Format = "json" | "ndjson";

export interface Cut {
  text: string;
  /** Where it begins in the body, for positions in problems. */
  start: number;
}

export interface Events {
  /** One JSON object, or a list of events: their ids derive differently from Idempotency-Key. */
  isSingle: boolean;
  /** The body is one JSON document: a flaw in one event's syntax makes all of it unsafe to cut. */
  isDocument: boolean;
  cuts: Cut[];
}

const MEDIA_TYPE = /^\s*([^;\s]+)\s*(?:;\s*charset\s*=\s*"?([^";\s]+)"?\s*)?$/i;

/** @throws Refusal */
export function formatOf(headers: Headers): Format {
  const value = headers.get("content-type");
  if (value === null || value.trim() === "") return "json";
  const [, type, charset = "utf-8"] = MEDIA_TYPE.exec(value) ?? [];
  if (/^utf-?8$/i.test(charset)) {
    if (type?.toLowerCase() === "application/json") return "json";
    if (type?.toLowerCase() === "application/x-ndjson") return "ndjson";
  }
  throw new Refusal(
    "unsupported_content_type",
    "Send application/json or application/x-ndjson, in UTF-8",
    { Connection: "close" },
  );
}

/** @throws Refusal where the body as a whole cannot be taken. */
export function cutEvents(text: string, format: Format, recordsMax: number): Events {
  const events = format === "ndjson" ? cutLines(text, recordsMax) : cutDocument(text, recordsMax);
  if (events.cuts.length === 0) throw new Refusal("no_events");
  if (events.cuts.length > recordsMax) {
    throw new Refusal("too_many_events", `A request may hold ${recordsMax}`);
  }
  return events;
}

function cutLines(text: string, recordsMax: number): Events {
  const cuts: Cut[] = [];
  let start = 0;
  while (start < text.length && cuts.length <= recordsMax) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const cut = trim(text, start, end);
    if (cut) cuts.push(cut);
    start = end + 1;
  }
  return { isSingle: false, isDocument: false, cuts };
}

function cutDocument(text: string, recordsMax: number): Events {
  if (text[skipSpace(text, 0)] !== "[") {
    const cut = trim(text, 0, text.length);
    return { isSingle: true, isDocument: true, cuts: cut ? [cut] : [] };
  }
  try {
    const { elements } = scanJson(text, { depthMax: DEPTH_MAX + 1, elementsMax: recordsMax });
    const cuts = elements!.map(([start, end]) => ({ text: text.slice(start, end), start }));
    return { isSingle: false, isDocument: true, cuts };
  } catch (error) {
    if (error instanceof InvalidJson) throw invalidDocument(error);
    throw error;
  }
}

export function invalidDocument(error: InvalidJson, start = 0): Refusal {
  const moved = start === 0 ? error : new InvalidJson(error.reason, start + error.position);
  return new Refusal("invalid_json", asSentence(moved));
}

/** The error's text is made to stand after a colon; alone it begins with a capital. */
export function asSentence({ message }: InvalidJson): string {
  return message[0]!.toUpperCase() + message.slice(1);
}

function trim(text: string, from: number, to: number): Cut | null {
  const start = skipSpace(text, from);
  if (start >= to) return null;
  let end = to;
  while (" \t\r\n".includes(text[end - 1]!)) end--;
  return { text: text.slice(start, end), start };
}
