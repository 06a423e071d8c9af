/**
 * A database as the writer sees it: one table with an AUTO_INCREMENT id and a unique identity, the
 * dead letters, and transactions which lock the checkpoint row. Its stream is telemetry-like: a
 * value is JSON with `key`, `seq`, `text` and perhaps a `version`; key and seq are the identity.
 */

import { TransientError } from "../../src/core/errors.ts";
import type { Checkpoint, Job, LogRecord, Sink } from "../../src/core/ports.ts";
import { mayApply } from "../../src/core/rule.ts";
import { type CheckpointsTwin, type Counters, plain } from "./checkpoints.ts";

export type ConflictRule = "ignore" | "replace" | "error";

export interface TableRow {
  /** AUTO_INCREMENT. */
  id: number;
  key: string;
  seq: number;
  text: string;
  version: number;
  partition: number;
  offset: number;
}

export interface DeadLetter {
  partition: number;
  offset: number;
  code: string;
  value: LogRecord["value"];
}

type Content = Pick<TableRow, "key" | "seq" | "text" | "version">;

export class SinkTwin implements Sink {
  readonly table = new Map<string, TableRow>();
  readonly deadLetters: DeadLetter[] = [];
  readonly checkpoints: CheckpointsTwin;
  readonly conflict: ConflictRule;
  #replyLost = false;
  #ids = 0;

  constructor(checkpoints: CheckpointsTwin, conflict: ConflictRule = "ignore") {
    this.checkpoints = checkpoints;
    this.conflict = conflict;
  }

  settle(job: Job): Promise<Checkpoint> {
    const transaction = this.begin(job);
    if (!transaction) {
      return Promise.reject(new TransientError("TRANSIENT_LOCK", "Cannot lock the checkpoint"));
    }
    const row = transaction.commit();
    if (!this.#replyLost) return Promise.resolve(row);
    this.#replyLost = false;
    return Promise.reject(new TransientError("TRANSIENT_CONNECTION", "Cannot read COMMIT's reply"));
  }

  /** The next COMMIT takes effect, but its reply does not arrive. */
  loseNextReply(): void {
    this.#replyLost = true;
  }

  /** Locks the row and decides; `null` when another transaction holds the lock. */
  begin(job: Job): SinkTransaction | null {
    if (!this.checkpoints.lock(job)) return null;
    return new SinkTransaction(this, job, () => ++this.#ids);
  }
}

export class SinkTransaction {
  /** Whether the rule let the job through. */
  readonly applies: boolean;
  #sink: SinkTwin;
  #job: Job;
  #nextId: () => number;
  #rows = new Map<string, TableRow>();
  #dead: DeadLetter[] = [];
  #counted: Counters = { records: 0, rows: 0, repeated: 0, ignored: 0, dead: 0 };

  constructor(sink: SinkTwin, job: Job, nextId: () => number) {
    this.#sink = sink;
    this.#job = job;
    this.#nextId = nextId;
    const row = sink.checkpoints.row(job);
    if (!row) {
      sink.checkpoints.unlock(job);
      throw new Error("There is no checkpoint row");
    }
    this.applies = mayApply(plain(row), job);
    if (this.applies) { for (const record of job.records) this.#write(record); }
  }

  commit(): Checkpoint {
    const { checkpoints, table, deadLetters } = this.#sink;
    const before = checkpoints.row(this.#job)!;
    if (this.applies) {
      for (const [identity, row] of this.#rows) table.set(identity, row);
      deadLetters.push(...this.#dead);
      const counters = { ...before.counters };
      for (const name of Object.keys(counters) as (keyof Counters)[]) {
        counters[name] += this.#counted[name];
      }
      checkpoints.put(this.#job, { ...plain(before), next: this.#job.next }, counters);
    }
    checkpoints.unlock(this.#job);
    return plain(checkpoints.row(this.#job)!);
  }

  rollback(): void {
    this.#sink.checkpoints.unlock(this.#job);
  }

  #write(record: LogRecord): void {
    this.#counted.records++;
    const content = decode(record.value);
    if (!content) return this.#reject(record, "REJECT_DECODE");
    const identity = `${content.key}#${content.seq}`;
    const stored = this.#rows.get(identity) ?? this.#sink.table.get(identity);
    const { partition } = this.#job;
    if (!stored) {
      const id = this.#nextId();
      this.#counted.rows++;
      this.#rows.set(identity, { id, ...content, partition, offset: record.offset });
    } else if (stored.text === content.text && stored.version === content.version) {
      this.#counted.repeated++;
    } else if (this.#sink.conflict === "error") {
      this.#reject(record, "REJECT_CONFLICT");
    } else if (this.#sink.conflict === "replace" && content.version > stored.version) {
      this.#counted.rows++;
      this.#rows.set(identity, { id: stored.id, ...content, partition, offset: record.offset });
    } else {
      this.#counted.ignored++;
    }
  }

  #reject(record: LogRecord, code: string): void {
    this.#counted.dead++;
    const { partition } = this.#job;
    this.#dead.push({ partition, offset: record.offset, code, value: record.value });
  }
}

/** `null` for what is not an event of this stream. */
function decode(value: LogRecord["value"]): Content | null {
  if (typeof value !== "string") return null;
  let event: unknown;
  try {
    event = JSON.parse(value);
  } catch {
    return null;
  }
  if (typeof event !== "object" || event === null) return null;
  const { key, seq, text, version = 0 } = event as Partial<Content>;
  if (typeof key !== "string" || typeof seq !== "number" || typeof text !== "string") return null;
  return { key, seq, text, version: Number(version) };
}
