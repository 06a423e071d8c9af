/**
 * Writes the rows of a batch inside its transaction, in the order of the log. A row that MariaDB
 * refuses is isolated by bisection, and a row whose identity is stored already is told from a new
 * one by the count of affected rows; neither stops its neighbours.
 */

import type { RejectError } from "../core/errors.ts";
import { identityColumns } from "../stream/check.ts";
import type { Stream, TableSink } from "../stream/mod.ts";
import { BulkInsert, quoteName, type RowText } from "./bulk.ts";
import { asReject, failureKind } from "./classify.ts";
import { settleCopies } from "./copies.ts";
import type { Transaction } from "./database.ts";

/** A row with its place in the batch. */
export interface Candidate extends RowText {
  /** Index of its record in the job. */
  index: number;
  row: Record<string, unknown>;
}

export interface Loaded {
  rows: number;
  repeated: number;
  ignored: number;
  rejects: { index: number; error: RejectError }[];
}

export interface LoadOptions {
  statementBytesMax: number;
  /** An unknown error has repeated while the server is well: look for the row that causes it. */
  isolateUnclassified: boolean;
}

/** What is known of a table sink's target, made once. */
export interface Target {
  stream: Stream;
  insert: BulkInsert;
  /** Identity columns by property; empty where each record is its own. */
  identity: string[];
  /** Appended to INSERT so that a stored identity is passed over, visible in affectedRows. */
  passOver: string;
}

export function targetOf(stream: Stream, sink: TableSink): Target {
  const insert = new BulkInsert(sink.table);
  const identity = identityColumns(stream);
  const first = insert.columns.find(([property]) => property === identity[0])?.[1];
  const name = first ? quoteName(first.name) : "";
  const passOver = first ? ` ON DUPLICATE KEY UPDATE ${name}=${insert.tableName}.${name}` : "";
  return { stream, insert, identity, passOver };
}

export async function loadRows(
  tx: Transaction,
  target: Target,
  candidates: Candidate[],
  options: LoadOptions,
): Promise<Loaded> {
  const loaded: Loaded = { rows: 0, repeated: 0, ignored: 0, rejects: [] };
  const copies: Candidate[] = [];
  for (const chunk of chunksByBytes(candidates, options.statementBytesMax)) {
    await insertChunk(tx, target, chunk, options, loaded, copies);
  }
  if (copies.length > 0) await settleCopies(tx, target, copies, loaded);
  return loaded;
}

/** One statement where all rows are new and good; halves of it where not. */
async function insertChunk(
  tx: Transaction,
  target: Target,
  chunk: Candidate[],
  options: LoadOptions,
  loaded: Loaded,
  copies: Candidate[],
): Promise<void> {
  if (chunk.length > 1) await tx.execute("SAVEPOINT chunk");
  try {
    const stored = await tx.execute(target.insert.statement(chunk, target.passOver));
    if (stored === chunk.length) {
      loaded.rows += stored;
      return;
    }
    if (stored === 0) {
      copies.push(...chunk);
      return;
    }
  } catch (error) {
    if (!isEvidence(error, options)) throw error;
    if (chunk.length === 1) {
      loaded.rejects.push({ index: chunk[0]!.index, error: asReject(error) });
      return;
    }
  }
  // Also proof that the transaction lives: after an implicit rollback the savepoint is gone.
  await tx.execute("ROLLBACK TO SAVEPOINT chunk");
  const middle = chunk.length >> 1;
  await insertChunk(tx, target, chunk.slice(0, middle), options, loaded, copies);
  await insertChunk(tx, target, chunk.slice(middle), options, loaded, copies);
}

/** Whether the error speaks of a row rather than of the moment or the table. */
function isEvidence(error: unknown, options: LoadOptions): boolean {
  const kind = failureKind(error);
  return kind === "reject" || (kind === "unclassified" && options.isolateUnclassified);
}

function* chunksByBytes(rows: Candidate[], bytesMax: number): Generator<Candidate[]> {
  let chunk: Candidate[] = [];
  let bytes = 0;
  // Room for the statement's head and tail.
  const room = bytesMax - 16_384;
  for (const row of rows) {
    if (chunk.length > 0 && bytes + row.bytes + 1 > room) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(row);
    bytes += row.bytes + 1;
  }
  if (chunk.length > 0) yield chunk;
}
