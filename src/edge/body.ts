/**
 * A request's body as text: counted while it comes, cut at its limits and its deadline, unpacked
 * within a bound. Content-Length is believed only as far as the HTTP parser enforces it.
 */

import { Buffer } from "node:buffer";
import { gunzip } from "node:zlib";
import { Refusal } from "./problem.ts";

export interface BodyLimits {
  bodyBytesMax: number;
  decompressedBytesMax: number;
  bodyDeadlineMs: number;
}

/** More than this many times its own size is taken for a bomb, once it is larger than the floor. */
const RATIO_MAX = 20;
const RATIO_FLOOR_BYTES = 1_048_576;

/** The rest of the body is not wanted, so neither is the connection. */
const CLOSE = { Connection: "close" };

export type Encoding = "identity" | "gzip";

/** @throws Refusal for every coding but gzip. */
export function encodingOf(headers: Headers): Encoding {
  const value = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (value === "" || value === "identity") return "identity";
  if (value === "gzip" || value === "x-gzip") return "gzip";
  throw new Refusal("unsupported_content_encoding", "Send gzip, or no Content-Encoding", CLOSE);
}

/** The most that a request may come to hold, known before its body is read. */
export function expectedBytes(headers: Headers, encoding: Encoding, limits: BodyLimits): number {
  const declared = contentLength(headers);
  if (declared !== null && declared > limits.bodyBytesMax) throw tooLarge(limits);
  const sent = declared ?? limits.bodyBytesMax;
  return encoding === "gzip" ? decompressedMax(sent, limits) : sent;
}

/** @throws Refusal */
export async function readBody(
  request: Request,
  encoding: Encoding,
  limits: BodyLimits,
): Promise<string> {
  const sent = await readSent(request, limits);
  return decodeUtf8(encoding === "gzip" ? await unpack(sent, limits) : sent);
}

async function readSent(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), limits.bodyDeadlineMs);
  const late = new Promise<never>((_, reject) => {
    abort.signal.addEventListener("abort", () => {
      const detail = `It has to arrive within ${limits.bodyDeadlineMs} ms`;
      reject(new Refusal("body_timeout", detail, CLOSE));
    });
  });
  // With a declared length, the HTTP parser itself ends the body there: no need to count.
  const reading = contentLength(request.headers) === null
    ? readCounted(request, limits, abort.signal)
    : request.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  try {
    return await Promise.race([reading, late]);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("body_incomplete", undefined, CLOSE);
  } finally {
    clearTimeout(timer);
  }
}

async function readCounted(
  request: Request,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body?.getReader();
  while (reader && !signal.aborted) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    // The server closes the connection after the answer; cancelling here would do so before it.
    if (bytes > limits.bodyBytesMax) throw tooLarge(limits);
    chunks.push(value);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function unpack(packed: Uint8Array, limits: BodyLimits): Promise<Uint8Array> {
  const maxOutputLength = decompressedMax(packed.byteLength, limits);
  return new Promise((resolve, reject) => {
    gunzip(packed, { maxOutputLength }, (error, unpacked) => {
      if (!error) return resolve(unpacked);
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
        const detail = `It unpacks to more than ${maxOutputLength} bytes`;
        return reject(new Refusal("body_too_large", detail));
      }
      reject(new Refusal("invalid_gzip"));
    });
  });
}

function decompressedMax(packedBytes: number, limits: BodyLimits): number {
  return Math.min(
    limits.decompressedBytesMax,
    Math.max(RATIO_FLOOR_BYTES, packedBytes * RATIO_MAX),
  );
}

/** A byte order mark at the beginning is taken off; no record then begins with one. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal("invalid_utf8");
  }
}

function contentLength(headers: Headers): number | null {
  const value = headers.get("content-length");
  return value !== null && /^\d+$/.test(value) ? Number(value) : null;
}

function tooLarge(limits: BodyLimits): Refusal {
  const detail = `It may have ${limits.bodyBytesMax} bytes`;
  return new Refusal("body_too_large", detail, CLOSE);
}
