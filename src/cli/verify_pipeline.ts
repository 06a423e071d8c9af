/**
 * The proof of one pipeline: its counters, its rows and letters against its checkpoints, and with
 * a ledger each event that was sent. Memory is bounded: rows come in pages, events in passes.
 */

import type { LedgerPlan } from "../ledger/passes.ts";
import { readLedger } from "../ledger/reader.ts";
import { type Findings, noFindings, Trial } from "../ledger/trial.ts";
import type { Stream, TableSink } from "../stream/mod.ts";
import { quoteName } from "../writer/bulk.ts";
import type { CheckpointRow } from "../writer/checkpoints.ts";
import type { Database } from "../writer/database.ts";
import { readStatus } from "../writer/operate.ts";
import { eachRow, type StoredRow } from "./pages.ts";
import { Positions } from "./positions.ts";
import { RowShape } from "./row_shape.ts";

export interface Pipeline {
  database: Database;
  prefix: string;
  stream: Stream;
  sink: TableSink;
}

/** `sent = loaded + repeated + ignored + dead`, and what is wrong. */
export interface Report extends Findings {
  stream: string;
  sink: string;
  sent: number;
  loaded: number;
  repeated: number;
  ignored: number;
  dead: number;
  /** Rows at or beyond the checkpoint, by partitions that have some. */
  beyond: number;
  /** By how much the counters miss their sum. */
  unbalanced: number;
}

export async function verifyPipeline(pipeline: Pipeline, plan: LedgerPlan | null): Promise<Report> {
  const { stream, sink } = pipeline;
  const shape = new RowShape(stream, sink);
  const before = await readCheckpoints(pipeline);
  const positions = new Positions(before, await countResets(pipeline));
  const passes = plan?.passes ?? [null];
  const findings = noFindings();
  const trial = plan && new Trial(Math.max(...plan.passes.map((pass) => pass.events)));
  for (const [index, pass] of passes.entries()) {
    const isFirst = index === 0;
    trial?.clear();
    await readLetters(pipeline, (letter) => {
      if (isFirst) positions.seeLetter(Number(letter.p), Number(letter.o));
      // A letter that was sent on is stored as what came of it.
      if (!trial || letter.event_id === null || letter.status === "redriven") return;
      const key = letter.message_key === null ? letter.event_id : String(letter.message_key);
      if (pass!.holds(String(key))) trial.addLetter(String(letter.event_id));
    });
    if (trial) {
      readLedger(plan!.path, {
        wants: (key) => pass!.holds(key),
        event: (event) => trial.addEvent(event, plan!.statuses.of(event.n)),
      });
    }
    await readRows(pipeline, shape, trial !== null, (row) => {
      if (isFirst && shape.hasPosition) positions.seeRow(Number(row.p), Number(row.o));
      if (!trial) return;
      const identity = shape.storedIdentity(row);
      if (trial.has(identity)) trial.seeRow(identity, shape.storedContent(row));
    });
    if (trial) addTo(findings, trial.finish());
  }
  const after = await readCheckpoints(pipeline);
  const found = positions.finish(after);
  // Rows of a replacing stream move with their newest version, and foreign ones have no position.
  const isComparable = shape.hasPosition && stream.conflict !== "replace";
  const twice = await countTwice(pipeline, shape);
  return {
    ...findings,
    ...totals(pipeline, before),
    missing: Math.max(findings.missing, isComparable ? found.missing : 0),
    doubled: Math.max(findings.doubled, twice, isComparable ? found.doubled : 0),
    outOfOrder: Math.max(findings.outOfOrder, isComparable ? found.outOfOrder : 0),
    beyond: isComparable ? found.beyond : 0,
  };
}

export function isBreach(report: Report): boolean {
  const { missing, doubled, outOfOrder, altered, unexpected, beyond, unbalanced } = report;
  return missing + doubled + outOfOrder + altered + unexpected + beyond + unbalanced > 0;
}

export async function readCheckpoints(
  { database, stream, sink }: Pick<Pipeline, "database" | "stream" | "sink">,
): Promise<CheckpointRow[]> {
  const rows = await readStatus(database, [stream]);
  return rows.filter((row) => row.sink === sink.name);
}

function totals({ stream, sink }: Pipeline, rows: CheckpointRow[]) {
  const sum = (field: "records" | "rows" | "repeated" | "ignored" | "dead") =>
    rows.reduce((total, row) => total + row[field], 0);
  const [sent, loaded, repeated] = [sum("records"), sum("rows"), sum("repeated")];
  const [ignored, dead] = [sum("ignored"), sum("dead")];
  const unbalanced = Math.abs(sent - loaded - repeated - ignored - dead);
  const names = { stream: stream.name, sink: sink.name };
  return { ...names, sent, loaded, repeated, ignored, dead, unbalanced };
}

function addTo(sum: Findings, part: Findings): void {
  for (const name of Object.keys(sum) as (keyof Findings)[]) sum[name] += part[name];
}

function readRows(
  { database }: Pipeline,
  shape: RowShape,
  isFull: boolean,
  visit: (row: StoredRow) => void,
): Promise<void> {
  const list = isFull ? shape.fullList : shape.positionList;
  return eachRow(database, { list, table: shape.table, idName: shape.idName }, visit);
}

function readLetters(pipeline: Pipeline, visit: (letter: StoredRow) => void): Promise<void> {
  return eachRow(pipeline.database, {
    list: "id,kafka_partition AS p,kafka_offset AS o,event_id,message_key,status",
    table: ownTable(pipeline, "dead_letters"),
    idName: "id",
    where: ofPipeline(pipeline),
  }, visit);
}

/** How often a person moved each partition back, or to another topic. */
async function countResets(pipeline: Pipeline): Promise<Map<number, number>> {
  const text = `SELECT kafka_partition AS p,state_before AS b,state_after AS a ` +
    `FROM ${ownTable(pipeline, "audit")} WHERE ${ofPipeline(pipeline)}`;
  const rows = await pipeline.database.transaction((tx) => tx.select(text));
  const resets = new Map<number, number>();
  for (const { p, b, a } of rows as { p: number; b: string; a: string }[]) {
    const before = JSON.parse(b) as { next: number; topicId: string };
    const after = JSON.parse(a) as { next: number; topicId: string };
    const isReset = after.next < before.next || after.topicId !== before.topicId;
    if (isReset) resets.set(p, (resets.get(p) ?? 0) + 1);
  }
  return resets;
}

/** Rows too many of one identity. */
async function countTwice({ database }: Pipeline, shape: RowShape): Promise<number> {
  if (shape.identity.length === 0) return 0;
  const names = shape.identity.join(",");
  const text = `SELECT COALESCE(SUM(n-1),0) AS n FROM (SELECT COUNT(*) AS n FROM ${shape.table} ` +
    `GROUP BY ${names} HAVING COUNT(*)>1) AS twice`;
  const [row] = await database.transaction((tx) => tx.select(text));
  return Number(row?.n);
}

function ownTable({ prefix }: Pipeline, name: string): string {
  return quoteName(`${prefix}millrace_${name}`);
}

/** Both names have been checked by `defineStream`. */
function ofPipeline({ stream, sink }: Pipeline): string {
  return `stream='${stream.name}' AND sink='${sink.name}'`;
}
