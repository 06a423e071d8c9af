/** Types of what `internals.js` takes out of kafkajs, as far as we use it. */

interface Patchable {
  prototype: Record<string, unknown>;
}

export const Broker: Patchable;
export const Runner: Patchable;
export const RequestQueue: Patchable;

export class Encoder {
  writeUVarInt(value: number): void;
  writeUVarIntString(value: string | null): void;
  writeBufferInternal(value: Uint8Array): void;
  writeBoolean(value: boolean): void;
}

export class Decoder {
  constructor(data: Uint8Array);
  buffer: Uint8Array;
  offset: number;
  readInt16(): number;
  readInt32(): number;
  readUVarInt(): number;
  readUVarIntString(): string | null;
  readUVarIntArray(reader: (decoder: Decoder) => void): unknown[];
  readTaggedFields(): void;
  readVarIntArray<T>(reader: (decoder: Decoder) => T): T[];
}
