/**
 * A writer process: takes jobs from any lane, settles each in a transaction, answers. It can die
 * before, inside and after COMMIT, lose COMMIT's reply, and be thought dead while it goes on.
 */

import type { Lane, QueueEntry } from "../twins/flusher.ts";
import type { SinkTransaction } from "../twins/sink.ts";
import type { World } from "./world.ts";

export class WriterModel {
  readonly name: string;
  alive = true;
  #world: World;
  #held = new Set<QueueEntry>();
  #open = new Set<SinkTransaction>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
  }

  take(lane: Lane): void {
    const entry = this.#world.queue.take(lane);
    if (!entry) return;
    this.#held.add(entry);
    this.#later(() => this.#begin(entry));
  }

  /** `kill -9`: the server rolls back, and the queue notices after a while. */
  crash(): void {
    this.alive = false;
    for (const transaction of this.#open) transaction.rollback();
    for (const entry of this.#held) {
      this.#world.clock.after(this.#world.random.between(500, 2_000), () => {
        this.#world.queue.putBack(entry, true);
      });
    }
  }

  #begin(entry: QueueEntry): void {
    const { sink, oracle, checkpoints } = this.#world;
    const { job } = entry;
    const transaction = sink.begin(job);
    if (!transaction) return this.#backOff(entry);
    this.#open.add(transaction);
    this.#later(() => {
      this.#open.delete(transaction);
      if (this.#world.mishap("transient")) {
        transaction.rollback();
        return this.#backOff(entry);
      }
      const before = checkpoints.row(job)!;
      const row = transaction.commit();
      this.#world.trace(() =>
        `${this.name} p${job.partition} ${transaction.applies ? "COMMIT" : "refuses"} ${job.id} ` +
        `${job.epoch}:[${job.first}, ${job.next}) → ${row.epoch}:${row.next} ${row.state}`
      );
      if (transaction.applies) oracle.applied(job, before);
      // An unknown outcome: run it again.
      if (this.#world.mishap("loseReply")) return this.#backOff(entry);
      this.#later(() => {
        this.#held.delete(entry);
        this.#world.queue.answer(entry, row);
        this.#world.pump(this.#world.queue.lane(job));
      });
    });
  }

  #backOff(entry: QueueEntry): void {
    this.#held.delete(entry);
    const { clock, queue, random } = this.#world;
    const again = queue.putBack(entry, false);
    if (again) clock.after(random.between(20, 400), () => queue.makeReady(again));
    this.#world.pump(queue.lane(entry.job));
  }

  #later(call: () => void): void {
    this.#world.clock.after(this.#world.slowly(), () => {
      if (this.alive) call();
    });
  }
}
