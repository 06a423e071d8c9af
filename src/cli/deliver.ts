/**
 * Takes lines to the edge and stays with them until each is accepted or refused: what was not
 * acknowledged is sent again, with the same ids, so that it is stored once however often it went.
 */

import { CliError } from "./output.ts";

export type Outcome = { state: "accepted" } | { state: "refused"; reason: string };

export interface Delivery {
  url: string;
  lines: Uint8Array[];
  /** Names lines that carry no id of their own. */
  idempotencyKey?: string;
  /** Called once a line, when its outcome is known. */
  settle(index: number, outcome: Outcome): void;
  /** Ends the attempts. */
  signal: AbortSignal;
}

interface Problem {
  status?: number;
  title?: string;
  detail?: string;
  path?: string;
}

interface Answer extends Problem {
  results?: { index: number; problem?: Problem }[];
}

const REQUEST_DEADLINE_MS = 20_000;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;
const NEWLINE = Buffer.from("\n");
/** Statuses that speak of the moment, not of the request. */
const PASSING = new Set([408, 425, 429]);
/** Statuses that will be the same for every line. */
const HOPELESS = new Set([401, 403, 404, 405, 415]);

/** Answers whether every line has an outcome; false where the signal came first. */
export async function deliver(delivery: Delivery): Promise<boolean> {
  let pending = delivery.lines.map((_, index) => index);
  let backoffMs = BACKOFF_MS_MIN;
  while (pending.length > 0) {
    if (delivery.signal.aborted) return false;
    const left = await attempt(delivery, pending);
    if (left.length < pending.length) backoffMs = BACKOFF_MS_MIN;
    pending = left;
    if (pending.length === 0) return true;
    await pause(backoffMs * (0.5 + Math.random() / 2), delivery.signal);
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
  }
  return true;
}

/** One request; answers which lines have to go again. */
async function attempt(delivery: Delivery, pending: number[]): Promise<number[]> {
  const body = Buffer.concat(pending.flatMap((index) => [delivery.lines[index]!, NEWLINE]));
  let status: number;
  let answer: Answer;
  try {
    const response = await fetch(delivery.url, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-ndjson",
        ...(delivery.idempotencyKey ? { "Idempotency-Key": delivery.idempotencyKey } : {}),
      },
      body,
      signal: AbortSignal.any([delivery.signal, AbortSignal.timeout(REQUEST_DEADLINE_MS)]),
    });
    status = response.status;
    answer = await response.json() as Answer;
  } catch {
    // No answer, or half of one: whether Kafka has the lines is unknown.
    return pending;
  }
  if (answer.results?.length === pending.length) return settleEach(delivery, pending, answer);
  if (status >= 500 || PASSING.has(status)) return pending;
  if (status < 400 || HOPELESS.has(status)) {
    throw new CliError(`The edge answered ${status}: ${describe(answer)}`);
  }
  for (const index of pending) {
    delivery.settle(index, { state: "refused", reason: describe(answer) });
  }
  return [];
}

function settleEach(delivery: Delivery, pending: number[], answer: Answer): number[] {
  const left: number[] = [];
  for (const { index, problem } of answer.results!) {
    const line = pending[index]!;
    if (problem === undefined) delivery.settle(line, { state: "accepted" });
    else if ((problem.status ?? 400) >= 500) left.push(line);
    else delivery.settle(line, { state: "refused", reason: describe(problem) });
  }
  return left;
}

function describe({ title, detail, path }: Problem): string {
  const where = path ? `${path}: ` : "";
  return where + ([title, detail].filter(Boolean).join(": ") || "no reason given");
}

/** Waits, or until the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish);
    if (signal.aborted) finish();
  });
}
