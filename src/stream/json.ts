/**
 * JSON as Millrace takes it: what could not be kept as it came is refused, with a reason and a
 * position and never with the content. Nothing here recurses, so depth cannot end the process.
 */

import { findStringEnd, SafeCursor } from "./json_walk.ts";

export type InvalidJsonReason =
  | "syntax"
  | "depth"
  | "forbidden_key"
  | "integer_range"
  | "number_range"
  | "lone_surrogate";

const SENTENCES: Record<InvalidJsonReason, string> = {
  syntax: "it is not valid JSON",
  depth: "it is nested deeper than 32 levels",
  forbidden_key: "a member is named __proto__, constructor or prototype",
  integer_range: "a whole number lies beyond 2^53 and would be rounded; send it as a string",
  number_range: "a number is too large or too small to be kept",
  lone_surrogate: "a string holds half of a surrogate pair",
};

/** Deepest nesting of one event. */
export const DEPTH_MAX = 32;

export class InvalidJson extends Error {
  override name = "InvalidJson";
  readonly reason: InvalidJsonReason;
  /** Index into the text, in UTF-16 units. */
  readonly position: number;

  constructor(reason: InvalidJsonReason, position: number) {
    super(`${SENTENCES[reason]} (at position ${position})`);
    this.reason = reason;
    this.position = position;
  }
}

/**
 * Marks of what JSON.parse would accept and change: long digit runs, large exponents, -0, escapes
 * that can hide a name or half of a pair, and the names themselves. Most events have none of them.
 */
const SUSPICIOUS = new RegExp(
  [
    /\d{16}/,
    /(?:^|[:,[\s])(?:-0(?![.\d])|-?\d[\d.]*[eE][+-]?\d{3})/,
    /\\u|__proto__|constructor|prototype/,
  ].map((part) => part.source).join("|"),
);

/**
 * The value of a text.
 * @throws InvalidJson
 */
export function parseJson(text: string): unknown {
  if (SUSPICIOUS.test(text) || !text.isWellFormed() || openingsAtLeast(text, DEPTH_MAX + 1)) {
    inspectJson(text, DEPTH_MAX);
  }
  try {
    return JSON.parse(text);
  } catch {
    // The error's own message quotes the text, so the place is looked for anew.
    inspectJson(text, DEPTH_MAX);
    throw new InvalidJson("syntax", 0);
  }
}

/** Whether a text could be nested that deep at all; brackets inside strings count too. */
function openingsAtLeast(text: string, count: number): boolean {
  let seen = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code === 0x7b || code === 0x5b) && ++seen >= count) return true;
  }
  return false;
}

/**
 * Walks the whole text and refuses what JSON.parse would refuse or change.
 * @throws InvalidJson
 */
export function inspectJson(text: string, depthMax: number): void {
  const cursor = new SafeCursor(text, depthMax, (reason, position) => {
    throw new InvalidJson(reason, position);
  });
  cursor.document();
}

export interface JsonScan {
  /** `[start, end)` of each element, if the document is an array, otherwise null. */
  elements: [start: number, end: number][] | null;
  depth: number;
}

const CLOSES: Record<number, number> = { 0x7b: 0x7d, 0x5b: 0x5d };

/**
 * Where the elements of a top-level array lie, and how deep the text is nested: one pass, before
 * anything is parsed. It ends at the first bracket beyond the limits. The elements' own syntax is
 * judged when each is parsed.
 * @throws InvalidJson
 */
export function scanJson(
  text: string,
  limits: { depthMax?: number; elementsMax?: number } = {},
): JsonScan {
  const { depthMax = DEPTH_MAX, elementsMax = Infinity } = limits;
  const isArray = text.charCodeAt(skipSpace(text, 0)) === 0x5b;
  const elements: [number, number][] = [];
  const open: number[] = [];
  let depth = 0;
  let start = 0;
  let closedAt = -1;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (closedAt >= 0 && !isSpace(code)) throw new InvalidJson("syntax", index);
    if (code === 0x22) {
      index = stringEnd(text, index);
    } else if (code === 0x7b || code === 0x5b) {
      open.push(CLOSES[code]!);
      if (open.length > depthMax) throw new InvalidJson("depth", index);
      if (open.length > depth) depth = open.length;
      if (isArray && open.length === 1) start = index + 1;
    } else if (code === 0x7d || code === 0x5d) {
      if (open.pop() !== code) throw new InvalidJson("syntax", index);
      if (open.length > 0) continue;
      closedAt = index;
      if (isArray) pushElement(text, elements, start, index);
    } else if (code === 0x2c && isArray && open.length === 1) {
      pushElement(text, elements, start, index);
      if (elements.length > elementsMax) return { elements, depth };
      start = index + 1;
    }
  }
  if (open.length > 0) throw new InvalidJson("syntax", text.length);
  return { elements: isArray ? elements : null, depth };
}

function pushElement(text: string, elements: [number, number][], from: number, to: number): void {
  const start = skipSpace(text, from);
  let end = to;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  if (start < end) {
    elements.push([start, end]);
    return;
  }
  const isEmptyArray = elements.length === 0 && text[to] === "]";
  if (!isEmptyArray) throw new InvalidJson("syntax", to);
}

function stringEnd(text: string, index: number): number {
  const end = findStringEnd(text, index);
  if (end < 0) throw new InvalidJson("syntax", text.length);
  return end;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Index of the first character at or after `index` that is no JSON white space. */
export function skipSpace(text: string, index: number): number {
  let at = index;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}
