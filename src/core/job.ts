/**
 * The job: a sealed batch with what the fence needs. The checksum covers all of it, so that a job
 * which was edited, cut or put into another queue writes nothing.
 */

import type { Bytes, Job, LogRecord } from "./ports.ts";

export const JOB_VERSION = 1;

type Unsealed = Omit<Job, "version" | "count" | "checksum">;

export function sealJob(job: Unsealed): Job {
  const sealed = { ...job, version: JOB_VERSION, count: job.records.length, checksum: "" };
  sealed.checksum = checksumOf(sealed);
  return sealed;
}

export function isIntact(job: Job): boolean {
  return job.count === job.records.length && job.checksum === checksumOf(job);
}

function checksumOf(job: Job): string {
  const hash = new Hash();
  hash.text(
    `${job.version}|${job.stream}|${job.sink}|${job.partition}|${job.epoch}|${job.topicId}`,
  );
  hash.text(`|${job.first}|${job.next}|${job.count}|${job.id}|${job.trigger}|`);
  for (const record of job.records) addRecord(hash, record);
  return hash.digest();
}

function addRecord(hash: Hash, record: LogRecord): void {
  hash.text(`${record.offset}|${record.timestampMs}`);
  addBytes(hash, record.key);
  addBytes(hash, record.id);
  addBytes(hash, record.value);
  hash.text(`|${record.headers.length}`);
  for (const [name, value] of record.headers) {
    addBytes(hash, name);
    addBytes(hash, value);
  }
}

/** Length first, so that no two lists of fields are the same text. */
function addBytes(hash: Hash, bytes: Bytes | null): void {
  if (bytes === null) return hash.text("|-");
  const text = typeof bytes === "string" ? bytes : bytes[0];
  hash.text(typeof bytes === "string" ? `|t${text.length}|` : `|b${text.length}|`);
  hash.text(text);
}

/**
 * Two FNV-1a lanes over UTF-16 units with different offset bases, mixed at the end by MurmurHash3's
 * finalizer. It guards against accidents and edits on the board, not against someone who can
 * compute it.
 */
export class Hash {
  #a = 0x811c9dc5;
  #b = 0x9747b28c;

  text(text: string): void {
    let a = this.#a;
    let b = this.#b;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b ^ unit, 0x85ebca6b);
      b ^= b >>> 15;
    }
    this.#a = a;
    this.#b = b;
  }

  /** 53 bits as a whole number. */
  number(): number {
    const a = mix(this.#a ^ (this.#b >>> 7));
    const b = mix(this.#b ^ a);
    return (a & 0x1fffff) * 0x100000000 + (b >>> 0);
  }

  /** 53 bits in hexadecimal. */
  digest(): string {
    return this.number().toString(16).padStart(14, "0");
  }
}

function mix(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
