/** Makes the events of a few keys, in order, and says of each what its row must be. */

import { momentText, type Random, type Simulated } from "../../streams/simulated/making.ts";
import { hashOf, type LedgerEvent } from "../ledger/format.ts";
import { decodeRecord } from "../stream/decode.ts";
import type { Stream } from "../stream/mod.ts";
import { poisonOf } from "./poison.ts";
import { RowShape } from "./row_shape.ts";

export interface Made extends LedgerEvent {
  bytes: Uint8Array;
}

interface KeyState {
  index: number;
  name: string;
  seq: number;
  atMicros: number;
}

export interface MakerOptions {
  stream: Stream;
  simulated: Simulated;
  run: string;
  keyIndexes: number[];
  poisonShare: number;
  random: Random;
}

export class EventMaker {
  readonly #options: MakerOptions;
  readonly #keys: KeyState[];
  readonly #shape: RowShape;

  constructor(options: MakerOptions) {
    const { stream, simulated, run, keyIndexes } = options;
    this.#options = options;
    this.#shape = new RowShape(stream, stream.sinks[0]!);
    this.#keys = keyIndexes.map((index) => ({
      index,
      name: simulated.key(run, index),
      seq: 0,
      atMicros: 0,
    }));
  }

  make(n: number): Made {
    const { stream, simulated, run, poisonShare, random } = this.#options;
    const key = this.#keys[Math.floor(random() * this.#keys.length)]!;
    const nowMicros = Date.now() * 1_000 + Math.floor(random() * 1_000);
    key.atMicros = Math.max(key.atMicros + 1, nowMicros);
    const seq = key.seq++;
    const at = momentText(key.atMicros, random);
    const event = simulated.event({ run, index: key.index, seq, at, random });
    const id = `${run}-${n}`;
    const common = { n, id, key: key.name, seq };
    if (random() < poisonShare) {
      const bytes = poisonOf(simulated, event, random);
      // No row can have this identity.
      return { ...common, identity: hashOf(["poison", id]), content: 0, isPoison: true, bytes };
    }
    const text = JSON.stringify({ id, ...event });
    const record = {
      offset: 0,
      timestampMs: 0,
      key: key.name,
      id,
      headers: [],
      value: text,
      bytes: 0,
    };
    const origin = { topicId: "", partition: 0 };
    const { row } = decodeRecord(stream, stream.sinks[0]!, record, origin);
    const hashes = this.#shape.ofSent({ ...row, eventId: id });
    return { ...common, ...hashes, isPoison: false, bytes: Buffer.from(text) };
  }
}

/** Mulberry32: small, seeded, good enough for test data. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 0x100000000;
  };
}
