/** Some keys' way to the edge: one batch at a time, each in the ledger before it is sent. */

import type { Random } from "../../streams/simulated/making.ts";
import { ACCEPTED, REFUSED } from "../ledger/format.ts";
import type { LedgerWriter } from "../ledger/writer.ts";
import { deliver } from "./deliver.ts";
import { complain } from "./output.ts";
import type { PoisonSender } from "./poison.ts";
import type { EventMaker, Made } from "./simulated_events.ts";

/** Shared by all lanes. */
export interface Tally {
  /** The next event's number. */
  next: number;
  accepted: number;
  refused: number;
  /** Accepted events that were sent once more. */
  again: number;
  poison: number;
}

export interface LaneOptions {
  url: string;
  maker: EventMaker;
  random: Random;
  duplicateShare: number;
  tally: Tally;
  ledger: LedgerWriter | null;
  poison: PoisonSender | null;
  signal: AbortSignal;
}

/** Of these a duplicate is chosen. */
const RECENT_MAX = 1_000;
const COMPLAINTS_MAX = 5;

export class Lane {
  static readonly batchMax = 400;
  readonly #options: LaneOptions;
  readonly #recent: Made[] = [];

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Makes and sends up to `due` events; answers how many. */
  async send(due: number): Promise<number> {
    const { maker, tally, ledger, poison, signal } = this.#options;
    const count = Math.min(due, Lane.batchMax);
    const made: Made[] = [];
    for (let i = 0; i < count; i++) made.push(maker.make(tally.next++));
    const again = this.#chooseAgain(count);
    for (const event of made) ledger?.event(event);
    ledger?.again(again.map((event) => event.n));
    ledger?.flush();
    const poisons = made.filter((event) => event.isPoison);
    await this.#deliver(made.filter((event) => !event.isPoison), again);
    if (poisons.length > 0) {
      const isSent = await poison!.send(
        poisons.map(({ id, key, bytes }) => ({ id, key, value: bytes })),
        signal,
      );
      if (isSent) this.#settle(ACCEPTED, poisons);
      tally.poison += poisons.length;
    }
    return count;
  }

  async #deliver(fresh: Made[], again: Made[]): Promise<void> {
    const { url, signal, tally } = this.#options;
    const events = [...fresh, ...again];
    const accepted: Made[] = [];
    const refused: Made[] = [];
    await deliver({
      url,
      lines: events.map((event) => event.bytes),
      signal,
      settle: (index, outcome) => {
        // A copy's answer says nothing new of its event.
        if (index >= fresh.length) tally.again++;
        else if (outcome.state === "accepted") accepted.push(events[index]!);
        else {
          refused.push(events[index]!);
          if (tally.refused + refused.length <= COMPLAINTS_MAX) {
            complain(`Event ${events[index]!.id} was refused: ${outcome.reason}`);
          }
        }
      },
    });
    this.#settle(ACCEPTED, accepted);
    this.#settle(REFUSED, refused);
    this.#remember(accepted);
  }

  #settle(status: typeof ACCEPTED | typeof REFUSED, events: Made[]): void {
    const { tally, ledger } = this.#options;
    if (status === ACCEPTED) tally.accepted += events.length;
    else tally.refused += events.length;
    ledger?.answer(status, events.map((event) => event.n).sort((a, b) => a - b));
  }

  #chooseAgain(count: number): Made[] {
    const { random, duplicateShare } = this.#options;
    const again: Made[] = [];
    for (let i = 0; i < count && this.#recent.length > 0; i++) {
      if (random() >= duplicateShare) continue;
      again.push(this.#recent[Math.floor(random() * this.#recent.length)]!);
    }
    return again;
  }

  #remember(events: Made[]): void {
    this.#recent.push(...events);
    if (this.#recent.length > RECENT_MAX) this.#recent.splice(0, this.#recent.length - RECENT_MAX);
  }
}
