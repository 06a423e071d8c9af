/** What the makers of simulated events share. */

/** Answers a number in [0, 1). */
export type Random = () => number;

export interface Making {
  /** Names the run, so that the keys of two runs differ. */
  run: string;
  /** Which key: 0, 1, 2 … */
  index: number;
  /** Rises with each event of the key. */
  seq: number;
  /** Strictly rising for a key. */
  at: string;
  random: Random;
}

export interface Simulated {
  /** The key that the stream's declaration gives these events. */
  key(run: string, index: number): string;
  event(making: Making): Record<string, unknown>;
  /** Members that make a good event one that its schema refuses: out of an enum or a range. */
  outOfRange: Record<string, unknown>;
}

export function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)]!;
}

/** A moment as clients write it: in UTC or another zone, with fraction digits as needed. */
export function momentText(microseconds: number, random: Random): string {
  const micros = microseconds % 1_000_000;
  const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0").replace(/0+$/, "")}`;
  const zone = pick(random, ["Z", "Z", "+09:00", "-0330"]);
  const shiftMinutes = { "Z": 0, "+09:00": 540, "-0330": -210 }[zone]!;
  const local = new Date(Math.floor(microseconds / 1_000) + shiftMinutes * 60_000);
  return `${local.toISOString().slice(0, 19)}${fraction}${zone}`;
}
