/**
 * The slow, strict walk over a JSON text: a loop with its own stack, for texts that JSON.parse
 * refuses (to find the place) or would accept and change (to refuse them).
 */

import type { InvalidJsonReason } from "./json.ts";

type Refuse = (reason: InvalidJsonReason, position: number) => never;

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** What may come next. */
type Expect = "value" | "value or ]" | "key" | "key or }" | ", or close" | "end";

export class SafeCursor {
  #text: string;
  #depthMax: number;
  #refuse: Refuse;
  #at = 0;
  #open: ("[" | "{")[] = [];

  constructor(text: string, depthMax: number, refuse: Refuse) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#refuse = refuse;
  }

  /** Returns if the text is one JSON document that can be kept as it is. */
  document(): void {
    let expect: Expect = "value";
    while (true) {
      this.#space();
      if (expect === "end") break;
      expect = this.#step(expect);
    }
    if (this.#at < this.#text.length) this.#refuse("syntax", this.#at);
  }

  #step(expect: Exclude<Expect, "end">): Expect {
    const next = this.#text[this.#at];
    switch (expect) {
      case "value or ]":
        return next === "]" ? this.#close() : this.#value(next);
      case "value":
        return this.#value(next);
      case "key or }":
        return next === "}" ? this.#close() : this.#key();
      case "key":
        return this.#key();
      case ", or close":
        return this.#commaOrClose(next);
    }
  }

  #value(next: string | undefined): Expect {
    if (next === "[" || next === "{") {
      this.#open.push(next);
      if (this.#open.length > this.#depthMax) this.#refuse("depth", this.#at);
      this.#at++;
      return next === "[" ? "value or ]" : "key or }";
    }
    if (next === '"') this.#string();
    else if (next !== undefined && /[-\d]/.test(next)) this.#number();
    else this.#token(LITERAL);
    return this.#afterValue();
  }

  #key(): Expect {
    const position = this.#at;
    if (FORBIDDEN_KEYS.has(this.#string())) this.#refuse("forbidden_key", position);
    this.#space();
    if (this.#text[this.#at] !== ":") this.#refuse("syntax", this.#at);
    this.#at++;
    return "value";
  }

  #commaOrClose(next: string | undefined): Expect {
    const open = this.#open.at(-1);
    if (next === ",") {
      this.#at++;
      return open === "[" ? "value" : "key";
    }
    if (next !== (open === "[" ? "]" : "}")) this.#refuse("syntax", this.#at);
    return this.#close();
  }

  #close(): Expect {
    this.#open.pop();
    this.#at++;
    return this.#afterValue();
  }

  #afterValue(): Expect {
    return this.#open.length === 0 ? "end" : ", or close";
  }

  #string(): string {
    const position = this.#at;
    const end = this.#text[position] === '"' ? findStringEnd(this.#text, position) : -1;
    if (end < 0) this.#refuse("syntax", position);
    this.#at = end + 1;
    const value = decodeString(this.#text.slice(position, end + 1));
    if (value === null) return this.#refuse("syntax", position);
    if (!value.isWellFormed()) this.#refuse("lone_surrogate", position);
    return value;
  }

  #number(): void {
    const position = this.#at;
    const literal = this.#token(NUMBER);
    const value = Number(literal);
    if (/[.eE]/.test(literal)) {
      const isLost = value === 0 && /[1-9]/.test(literal.replace(/[eE].*/, ""));
      if (!Number.isFinite(value) || isLost) this.#refuse("number_range", position);
    } else if (Object.is(value, -0)) {
      this.#refuse("number_range", position);
    } else if (!Number.isSafeInteger(value)) {
      this.#refuse("integer_range", position);
    }
  }

  #token(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return this.#refuse("syntax", this.#at);
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }
}

function decodeString(literal: string): string | null {
  try {
    return JSON.parse(literal);
  } catch {
    return null;
  }
}

/** Index of the closing quote of the string that opens at `index`, or -1. */
export function findStringEnd(text: string, index: number): number {
  let end = index;
  while (true) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return -1;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}
