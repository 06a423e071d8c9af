/**
 * One seed from beginning to end: faults, then calm. In the calm everyone is alive, nothing is lost
 * any more, and a person answers each halt; the world must come to rest, and everything be there.
 */

import { unleash } from "./faults.ts";
import { Violation } from "./oracle.ts";
import { keyOf, World } from "./world.ts";

export interface Outcome {
  seed: number;
  /** `null` when all is well. */
  failure: string | null;
  world: World;
}

const restMaxMs = 150_000;
const drainMaxMs = 60_000;

export function simulate(seed: number, options = { traced: false }): Outcome {
  const world = new World(seed, options);
  try {
    unleash(world);
    world.clock.elapse(world.plan.calmAtMs);
    calm(world);
    world.clock.elapse(Math.max(0, world.plan.produceUntilMs - world.plan.calmAtMs));
    rest(world);
    drain(world);
    world.oracle.finish(world.sink, (partition) => world.checkpoints.row(keyOf(partition))!);
    return { seed, failure: null, world };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const failure = error instanceof Violation ? error.message : String(error.stack);
    world.trace(() => failure);
    return { seed, failure, world };
  }
}

/** The last lines of the failing seed's story. */
export function explain({ seed, failure }: Outcome, linesMax = 120): string {
  const lines = simulate(seed, { traced: true }).world.lines ?? [];
  return [`seed ${seed}: ${failure}`, ...lines.slice(-linesMax)].join("\n");
}

function calm(world: World): void {
  world.trace(() => "calm");
  for (const mishap of world.plan.mishaps.keys()) world.plan.mishaps.set(mishap, 0);
  world.plan.slowMs = Math.min(world.plan.slowMs, 30);
}

function rest(world: World): void {
  const end = world.clock.nowMs() + restMaxMs;
  while (!isAtRest(world)) {
    if (world.clock.nowMs() > end) throw new Violation(standstill(world));
    for (const partition of world.topic.partitions.keys()) lendAHand(world, partition);
    world.clock.elapse(1_000);
  }
}

/** What a person does about a row that does not run. */
function lendAHand(world: World, partition: number): void {
  const row = world.checkpoints.row(keyOf(partition))!;
  if (row.state === "run") return;
  if (row.reason?.startsWith("HALT_")) return world.move(partition, ({ low }) => low);
  world.withRow(partition, () => world.checkpoints.setState(keyOf(partition), "run", null));
}

function isAtRest(world: World): boolean {
  for (const [partition, log] of world.topic.partitions.entries()) {
    const row = world.checkpoints.row(keyOf(partition))!;
    const { topicId, high } = log.bounds();
    if (row.state !== "run" || row.next !== high || row.topicId !== topicId) return false;
    const owners = world.actors.filter((actor) => actor.states.has(partition));
    if (owners.length !== 1) return false;
    const { phase, inFlight, open, position } = owners[0]!.states.get(partition)!;
    if (phase !== "running" || inFlight || open || position !== high) return false;
  }
  return true;
}

function standstill(world: World): string {
  const rows = world.topic.partitions.map((log, partition) => {
    const { epoch, next, state } = world.checkpoints.row(keyOf(partition))!;
    return `${partition} at ${epoch}:${next} ${state} of ${JSON.stringify(log.bounds())}`;
  });
  const states = world.actors.flatMap((actor) => [...actor.states.values()]);
  return `Standstill: ${rows.join(", ")} ${JSON.stringify(states)}`;
}

function drain(world: World): void {
  let left = world.actors.length;
  for (const actor of world.actors) actor.drain(() => left--);
  world.clock.elapse(drainMaxMs);
  if (left > 0) throw new Violation(`${left} actors did not drain`);
}
