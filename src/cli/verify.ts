/**
 * `millrace verify`: waits until nothing is on its way, then proves each stream and prints one line
 * for it. A breach is exit code 3.
 */

import process from "node:process";
import { streams } from "../../streams/mod.ts";
import { type LedgerPlan, planLedger } from "../ledger/passes.ts";
import { type Database, openDatabase } from "../writer/database.ts";
import { readStatus } from "../writer/operate.ts";
import { CliError, complain, EXIT, grouped, printLine } from "./output.ts";
import { readSettings, streamNamed } from "./settings.ts";
import { isBreach, type Pipeline, type Report, verifyPipeline } from "./verify_pipeline.ts";

export interface VerifyOptions {
  ledger?: string;
  stream?: string;
  wait: number;
  json?: boolean;
}

/** Checkpoints that stood still for this long have nothing on its way to them. */
const QUIET_MS = 3_000;
const LOOK_EVERY_MS = 500;

export async function verify(options: VerifyOptions): Promise<number> {
  const { databaseUrl, prefix } = await readSettings();
  const plan = options.ledger === undefined ? null : planLedger(options.ledger);
  const chosen = options.stream === undefined ? streams : [streamNamed(options.stream)];
  if (plan && !chosen.some((stream) => stream.name === plan.header.stream)) {
    throw new CliError(`The ledger is about "${plan.header.stream}"`, EXIT.usage);
  }
  const database = openDatabase(databaseUrl, 2);
  try {
    const deadlineMs = performance.now() + options.wait;
    const reports: Report[] = [];
    for (const stream of chosen) {
      for (const sink of stream.sinks) {
        const own = plan?.header.stream === stream.name ? plan : null;
        const report = await untilSettled({ database, prefix, stream, sink }, own, deadlineMs);
        reports.push(report);
        printLine(options.json ? JSON.stringify(report) : lineOf(report, sink.name));
      }
    }
    return reports.some(isBreach) ? EXIT.breach : EXIT.well;
  } finally {
    await database.close();
  }
}

/** Looks again, until the deadline, while something is missing: it may still be on its way. */
async function untilSettled(
  pipeline: Pipeline,
  plan: LedgerPlan | null,
  deadlineMs: number,
): Promise<Report> {
  while (true) {
    await untilQuiet(pipeline.database, pipeline, deadlineMs);
    const report = await verifyPipeline(pipeline, plan);
    // Also a breach of the tables may pass: rows were read while the pipeline went on.
    if (!isBreach(report) || performance.now() >= deadlineMs) return report;
    if (process.stderr.isTTY) complain(`${pipeline.stream.name}: not settled yet, looking again`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function untilQuiet(
  database: Database,
  { stream }: Pick<Pipeline, "stream">,
  deadlineMs: number,
): Promise<void> {
  let last = "";
  let sinceMs = performance.now();
  while (true) {
    const rows = await readStatus(database, [stream]);
    const now = rows.map((row) => `${row.epoch} ${row.next} ${row.state}`).join();
    const nowMs = performance.now();
    if (now !== last) sinceMs = nowMs;
    last = now;
    if (nowMs - sinceMs >= QUIET_MS || nowMs >= deadlineMs) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

export function lineOf(report: Report, sinkName = "table"): string {
  const n = (field: keyof Report) => grouped(Number(report[field]));
  const name = sinkName === "table" ? report.stream : `${report.stream}/${sinkName}`;
  // These are said only where they are: a person reads the line as a whole.
  const more = (["altered", "unexpected", "beyond", "unbalanced"] as const)
    .filter((field) => report[field] > 0).map((field) => ` · ${field} ${n(field)}`).join("");
  return `${name}: ${n("sent")} sent = ${n("loaded")} loaded + ${n("repeated")} repeated + ` +
    `${n("ignored")} ignored + ${n("dead")} dead · missing ${n("missing")} · ` +
    `doubled ${n("doubled")} · out of order ${n("outOfOrder")}${more}`;
}
