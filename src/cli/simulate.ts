/**
 * `millrace simulate`: events at a rate for a time. Keys are dealt to lanes; a lane sends one batch
 * at a time and stays with it until it is acknowledged, so a key's events enter the log in the
 * order of their sequence, whatever breaks on the way.
 */

import { randomBytes } from "node:crypto";
import { simulated } from "../../streams/simulated/mod.ts";
import { LedgerWriter } from "../ledger/writer.ts";
import { pause } from "./deliver.ts";
import { Lane, type Tally } from "./lane.ts";
import { CliError, complain, EXIT, grouped, printLine, showProgress } from "./output.ts";
import { PoisonSender } from "./poison.ts";
import { endpointOf, readSettings, streamNamed } from "./settings.ts";
import { EventMaker, seededRandom } from "./simulated_events.ts";

export interface SimulateOptions {
  rate: number;
  for: number;
  keys: number;
  poison: number;
  duplicates: number;
  ledger?: string;
  edge?: string;
  seed?: number;
}

const LANES_MAX = 8;
/** How long what was not acknowledged may take after the time is over. */
const GRACE_MS = 120_000;
const TICK_MS = 200;

export async function simulate(name: string, options: SimulateOptions): Promise<number> {
  const stream = streamNamed(name);
  const url = endpointOf(stream, options.edge);
  const kind = simulated[name];
  if (!kind) throw new CliError(`streams/simulated makes no events for "${name}"`, EXIT.usage);
  if (options.keys < 1) throw new CliError("--keys must be at least 1", EXIT.usage);
  if (options.poison > 0) await readSettings();
  const seed = options.seed ?? randomBytes(4).readUInt32BE();
  const run = randomBytes(4).toString("hex");
  const ledger = options.ledger ? new LedgerWriter(options.ledger, { stream: name, run }) : null;
  const poison = options.poison > 0 ? new PoisonSender(stream) : null;
  const total = Math.round(options.rate * options.for / 1_000);
  const tally: Tally = { next: 0, accepted: 0, refused: 0, again: 0, poison: 0 };
  const signal = AbortSignal.timeout(options.for + GRACE_MS);
  const lanes = dealKeys(options.keys).map((keyIndexes, lane) => {
    const random = seededRandom(seed + lane * 0x9e3779b1);
    const { poison: poisonShare, duplicates: duplicateShare } = options;
    const maker = new EventMaker({ stream, simulated: kind, run, keyIndexes, poisonShare, random });
    return new Lane({ url, maker, random, duplicateShare, tally, ledger, poison, signal });
  });
  const progress = showProgress(total, `Simulating ${name}`);
  const startMs = performance.now();
  const shown = setInterval(() => {
    progress.update(tally.accepted, `${grouped(tally.accepted)} accepted`);
    ledger?.flush();
  }, TICK_MS);
  try {
    const shares = sharesOf(total, options.keys, lanes.length);
    const pace = { startMs, forMs: options.for };
    await Promise.all(lanes.map((lane, index) => runLane(lane, shares[index]!, pace, signal)));
  } finally {
    clearInterval(shown);
    progress.stop();
    ledger?.close();
    await poison?.stop();
  }
  return sayHowItEnded(tally, total, (performance.now() - startMs) / 1_000);
}

/** Sends what is due, until the lane's share is sent or the signal. */
async function runLane(
  lane: Lane,
  share: number,
  pace: { startMs: number; forMs: number },
  signal: AbortSignal,
): Promise<void> {
  let made = 0;
  while (made < share && !signal.aborted) {
    const passed = Math.min(1, (performance.now() - pace.startMs) / pace.forMs);
    const due = Math.floor(share * passed) - made;
    if (due > 0) made += await lane.send(due);
    // At the pace, a batch is what has come due in a tick; behind it, batches are full.
    if (due < Lane.batchMax) await pause(TICK_MS, signal);
  }
}

function dealKeys(keys: number): number[][] {
  const lanes: number[][] = Array.from({ length: Math.min(LANES_MAX, keys) }, () => []);
  for (let index = 0; index < keys; index++) lanes[index % lanes.length]!.push(index);
  return lanes;
}

/** A lane's part of all events, by its keys; the parts add up to the total. */
function sharesOf(total: number, keys: number, lanes: number): number[] {
  let dealt = 0;
  let keysDealt = 0;
  return Array.from({ length: lanes }, (_, lane) => {
    keysDealt += Math.ceil((keys - lane) / lanes);
    const share = Math.round(total * keysDealt / keys) - dealt;
    dealt += share;
    return share;
  });
}

function sayHowItEnded(tally: Tally, total: number, seconds: number): number {
  const { next, accepted, refused, again, poison } = tally;
  const unknown = next - accepted - refused;
  printLine(
    `sent ${next}, accepted ${accepted}, refused ${refused}, unknown ${unknown}; ` +
      `${again} sent again, ${poison} poison; ${Math.round(seconds)} s`,
  );
  if (unknown > 0 || next < total) {
    complain(`The deadline came before ${total - accepted - refused} events were acknowledged`);
    return EXIT.deadline;
  }
  return refused > 0 ? EXIT.failure : EXIT.well;
}
