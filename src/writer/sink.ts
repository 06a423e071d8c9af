/**
 * The table sink: one job, one transaction, by the writer's rule (`core/rule.ts`). Between BEGIN
 * and COMMIT nothing but MariaDB is awaited; decoding and encoding are done before.
 */

import { HaltError, RejectError, TransientError } from "../core/errors.ts";
import { isIntact, JOB_VERSION } from "../core/job.ts";
import type { Checkpoint, Job, PartitionKey, Sink } from "../core/ports.ts";
import { mayApply } from "../core/rule.ts";
import { decodeRecord } from "../stream/decode.ts";
import type { Stream, TableSink } from "../stream/mod.ts";
import {
  asCheckpoint,
  type CheckpointRow,
  lockCheckpoint,
  MariaDbCheckpoints,
  moveCheckpoint,
} from "./checkpoints.ts";
import { asMillraceError } from "./classify.ts";
import type { Database, Transaction } from "./database.ts";
import { type Reject, storeDeadLetters } from "./dead_letters.ts";
import { type Candidate, loadRows, type Target, targetOf } from "./load.ts";

/** An unknown error that has come this often for one batch is looked into. */
const UNCLASSIFIED_MAX = 10;

interface Prepared {
  candidates: Candidate[];
  rejects: Reject[];
}

export class TableWriter implements Sink {
  readonly #target: Target;
  readonly #checkpoints: MariaDbCheckpoints;
  /** How often an unknown error came for the batch a partition has in flight. */
  readonly #unclassified = new Map<number, { first: number; epoch: string; times: number }>();

  readonly #stream: Stream;
  readonly #sink: TableSink;
  readonly #topic: string;
  readonly #database: Database;

  /** @param topic the topic's name with the installation's prefix. */
  constructor(stream: Stream, sink: TableSink, topic: string, database: Database) {
    this.#stream = stream;
    this.#sink = sink;
    this.#topic = topic;
    this.#database = database;
    this.#target = targetOf(stream, sink);
    this.#checkpoints = new MariaDbCheckpoints(database);
  }

  async settle(job: Job): Promise<Checkpoint> {
    try {
      const checkpoint = await this.#apply(job);
      this.#unclassified.delete(job.partition);
      return checkpoint;
    } catch (error) {
      const failure = asMillraceError(error);
      if (failure instanceof HaltError) return await this.#halt(job, failure);
      if (failure instanceof TransientError && failure.code === "TRANSIENT_UNCLASSIFIED") {
        return await this.#countUnclassified(job, failure);
      }
      throw failure;
    }
  }

  async #apply(job: Job): Promise<Checkpoint> {
    // Without a number it is no version but an edited job, which the checksum tells.
    if (Number.isInteger(job.version) && job.version !== JOB_VERSION) {
      throw new HaltError(
        "HALT_JOB_VERSION",
        `A job has version ${job.version}, this writer knows ${JOB_VERSION}; deploy one version`,
      );
    }
    const statementBytesMax = await this.#database.statementBytesMax();
    const intact = isIntact(job);
    const prepared = intact ? this.#prepare(job, statementBytesMax) : null;
    return await this.#database.transaction(async (tx) => {
      const row = await lockCheckpoint(tx, job);
      if (row === null) return missingRow(job);
      if (!prepared || !mayApply(asCheckpoint(row), job, intact)) return asCheckpoint(row);
      await this.#write(tx, job, row, prepared, statementBytesMax);
      return { ...asCheckpoint(row), next: job.next };
    });
  }

  /** Decodes and encodes each record; what cannot be is a reject already. */
  #prepare(job: Job, statementBytesMax: number): Prepared {
    const prepared: Prepared = { candidates: [], rejects: [] };
    for (const [index, record] of job.records.entries()) {
      try {
        const { id, row } = decodeRecord(this.#stream, this.#sink, record, job);
        const full = {
          ...row,
          eventId: id,
          kafkaPartition: job.partition,
          kafkaOffset: record.offset,
        };
        const encoded = this.#target.insert.encode(full);
        if (encoded.bytes > statementBytesMax - 16_384) {
          throw new RejectError(
            "REJECT_TOO_LARGE",
            `The row has ${encoded.bytes} bytes; max_allowed_packet leaves ${statementBytesMax}`,
          );
        }
        prepared.candidates.push({ ...encoded, index, row: full });
      } catch (error) {
        if (!(error instanceof RejectError)) throw error;
        prepared.rejects.push({ record, error });
      }
    }
    return prepared;
  }

  async #write(
    tx: Transaction,
    job: Job,
    row: CheckpointRow,
    prepared: Prepared,
    statementBytesMax: number,
  ): Promise<void> {
    const loaded = await loadRows(tx, this.#target, prepared.candidates, {
      statementBytesMax,
      isolateUnclassified: this.#timesUnclassified(job) >= UNCLASSIFIED_MAX,
    });
    const rejects = [
      ...prepared.rejects,
      ...loaded.rejects.map(({ index, error }) => ({ record: job.records[index]!, error })),
    ].sort((a, b) => a.record.offset - b.record.offset);
    const dead = rejects.length === 0
      ? 0
      : await storeDeadLetters(tx, job, this.#topic, rejects, statementBytesMax);
    await moveCheckpoint(tx, row, job.next, {
      records: job.count,
      rows: loaded.rows,
      repeated: loaded.repeated + rejects.length - dead,
      ignored: loaded.ignored,
      dead,
    });
  }

  /** Keeps the reason in the row, and answers where it then stands. */
  async #halt(job: Job, failure: HaltError): Promise<Checkpoint> {
    await this.#checkpoints.halt(job, job.epoch, failure.message);
    const rows = await this.#checkpoints.read(job.stream, job.sink);
    return rows.get(job.partition) ?? missingRow(job);
  }

  #timesUnclassified(job: Job): number {
    const seen = this.#unclassified.get(job.partition);
    return seen?.first === job.first && seen.epoch === job.epoch ? seen.times : 0;
  }

  /**
   * An error nobody has classed is transient. If it repeats while the server answers others, rows
   * are looked at one by one; if none of them brings it about, a person has to look.
   */
  async #countUnclassified(job: Job, failure: TransientError): Promise<Checkpoint> {
    const times = this.#timesUnclassified(job) + 1;
    if (times > UNCLASSIFIED_MAX) {
      return await this.#halt(
        job,
        new HaltError("HALT_UNCLASSIFIED", `No single record brings it about: ${failure.message}`),
      );
    }
    // The probe: counts only while the same server answers.
    await this.#database.transaction((tx) => tx.select("SELECT 1"));
    this.#unclassified.set(job.partition, { first: job.first, epoch: job.epoch, times });
    throw failure;
  }
}

/** A missing row never means 0: nothing is written, and the actor stops. */
function missingRow(key: PartitionKey): Checkpoint {
  return {
    epoch: "",
    next: -1,
    state: "halt",
    reason: `HALT_CHECKPOINT: ${key.stream}/${key.sink} ${key.partition} has no row; run migrate`,
    topicId: "",
  };
}
