/** What goes wrong in a world, and what its producers and its person do meanwhile. */

import type { Job } from "../../src/core/ports.ts";
import type { RecordContent } from "../twins/topic.ts";
import type { Strike } from "./plan.ts";
import { keyOf, type World } from "./world.ts";

/** Begins production and all strikes; they end by themselves when the world turns calm. */
export function unleash(world: World): void {
  const { plan, random, clock } = world;
  for (const partition of world.topic.partitions.keys()) {
    const producer = new Producer(world, partition);
    for (let i = 0; i < plan.recordsPerPartition; i++) {
      clock.after(random.between(0, plan.produceUntilMs), () => producer.produce());
    }
  }
  for (const [strike, times] of plan.strikes) {
    for (let i = 0; i < times; i++) {
      clock.after(random.between(0, plan.calmAtMs - 1), () => {
        world.struck.set(strike, (world.struck.get(strike) ?? 0) + 1);
        world.trace(() => `fault: ${strike}`);
        strikeOnce[strike](world);
      });
    }
  }
}

class Producer {
  #world: World;
  #partition: number;
  #seq = 0;
  #last: RecordContent[] = [];

  constructor(world: World, partition: number) {
    this.#world = world;
    this.#partition = partition;
  }

  produce(): void {
    const { plan, random, topic } = this.#world;
    const log = topic.partitions[this.#partition]!;
    if (random.chance(plan.holes)) log.skip(random.between(1, 20));
    log.append(this.#content());
  }

  #content(): RecordContent {
    const { plan, random } = this.#world;
    const copied = random.chance(plan.duplicates) ? random.pick(this.#last) : undefined;
    if (copied) return copied;
    const key = `${this.#partition}-${random.between(1, 3)}`;
    const seq = ++this.#seq;
    const text = "x".repeat(random.between(0, 60));
    const event = { key, seq, text, version: random.between(1, 3) };
    if (random.chance(plan.conflicts)) event.seq = random.between(1, seq);
    const value = random.chance(plan.poison) ? `poison ${seq}` : JSON.stringify(event);
    const content = { key, value, id: `${seq}`, timestampMs: seq, headers: [] };
    this.#last.push(content);
    return content;
  }
}

const strikeOnce: Record<Strike, (world: World) => void> = {
  crashActor: (world) => {
    const actor = world.random.pick(world.actors);
    if (actor) world.stopActor(actor);
  },
  crashWriter: (world) => {
    const writer = world.random.pick(world.writers);
    if (writer) world.stopWriter(writer);
  },
  drainActor: (world) => {
    const actor = world.random.pick(world.actors);
    if (!actor || actor.onDrained) return;
    actor.drain(() => world.stopActor(actor));
    world.clock.after(5_000, () => world.stopActor(actor));
  },
  rebalance: (world) => world.rebalance(),
  moveGroupOffset: (world) => {
    for (const log of world.topic.partitions) {
      log.committed = world.random.pick([0, log.current.high, null])!;
    }
  },
  losePlace: (world) => {
    for (const actor of world.actors) {
      for (const partition of actor.states.keys()) actor.log.losePlace(partition);
    }
  },
  wipeQueues: (world) => world.queue.wipe(),
  loseJob: (world) => {
    const job = anyQueued(world);
    if (job) world.queue.lose(job);
  },
  doubleJob: (world) => {
    const job = anyQueued(world);
    if (job) world.queue.insert(job, anyPlace(world));
  },
  replayJob: (world) => {
    const job = oldJob(world);
    if (job) world.queue.insert(job, anyPlace(world));
  },
  editJob: (world) => {
    const job = anyQueued(world) ?? oldJob(world);
    if (!job) return;
    if (world.random.chance(0.7)) world.queue.lose(job);
    world.queue.insert(world.edited(job), anyPlace(world));
  },
  stallJob: (world) => {
    // Its writer goes on, but the queue gives the job to another.
    const lane = world.random.pick([...world.queue.lanes.values()]);
    const entry = lane && world.random.pick(lane.active);
    if (entry) world.queue.putBack(entry, true);
  },
  pause: (world) => setState(world, "pause"),
  resume: (world) => setState(world, "run"),
  haltByWriter: (world) => setState(world, "halt"),
  adopt: (world) => {
    const toEnd = world.random.chance(0.3);
    world.move(anyPartition(world), ({ low, high }) => toEnd ? high : low);
  },
  skip: (world) => {
    const offsets = world.random.between(1, 10);
    world.move(anyPartition(world), (_, next) => next + offsets);
  },
  replay: (world) => {
    const offsets = world.random.between(1, 30);
    world.move(anyPartition(world), (_, next) => next - offsets);
  },
  truncate: (world) => {
    const log = world.topic.partitions[anyPartition(world)]!;
    log.truncate(world.random.between(log.low, log.current.high));
  },
  recreate: (world) => {
    const topicId = `topic-${1 + world.topic.partitions[0]!.incarnations.length}`;
    for (const [partition, log] of world.topic.partitions.entries()) {
      log.recreate(topicId);
      world.oracle.recreated(partition);
    }
  },
};

function anyPlace(world: World): "first" | "last" {
  return world.random.chance(0.5) ? "first" : "last";
}

function anyPartition(world: World): number {
  return world.random.between(0, world.plan.partitions - 1);
}

function setState(world: World, state: "run" | "pause" | "halt"): void {
  const partition = anyPartition(world);
  const reason = state === "run" ? null : "a person's reason";
  world.withRow(partition, () => world.checkpoints.setState(keyOf(partition), state, reason));
}

function anyQueued(world: World): Job | undefined {
  const lanes = [...world.queue.lanes.values()];
  return world.random.pick(lanes.flatMap((lane) => [...lane.waiting, ...lane.active]))?.job;
}

/** From long ago; by preference one that would fit where the row stands now. */
function oldJob(world: World): Job | undefined {
  const fitting = world.sent.filter((job) =>
    job.first === world.checkpoints.row(keyOf(job.partition))!.next
  );
  return world.random.pick(fitting.length > 0 && world.random.chance(0.7) ? fitting : world.sent);
}
