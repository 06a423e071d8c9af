/**
 * The codecs that kafkajs leaves out. A producer of any kind may use them, and one batch in a codec
 * that is not there would stop its partition for good (hazards K20). Reading only: what Millrace
 * writes is read by everyone.
 */

import kafkajs from "kafkajs";
import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import * as zlib from "node:zlib";

/** Far above what a batch of a few MiB holds, far below what would end the process. */
const DECOMPRESSED_BYTES_MAX = 134_217_728;

export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const reading = (decompress: (data: Buffer) => Buffer | Promise<Buffer>) => () => ({
    compress: () => Promise.reject(new Error("Millrace writes gzip or nothing")),
    decompress: async (data: Buffer) => await decompress(data),
  });
  CompressionCodecs[CompressionTypes.Snappy] = reading(snappyDecompress);
  CompressionCodecs[CompressionTypes.LZ4] = reading(lz4Decompress);
  CompressionCodecs[CompressionTypes.ZSTD] = reading(zstdDecompress);
}

function zstdDecompress(data: Buffer): Promise<Buffer> {
  if (!("zstdDecompress" in zlib)) throw new Error("zstd needs Node 22.15 or later, or Deno");
  return promisify(zlib.zstdDecompress)(data, { maxOutputLength: DECOMPRESSED_BYTES_MAX });
}

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

/** Java's producers frame snappy in blocks of their own; others send it bare. */
export function snappyDecompress(data: Buffer): Buffer {
  if (!data.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappyBlock(data);
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < data.length;) {
    const length = data.readUInt32BE(at);
    blocks.push(snappyBlock(data.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function snappyBlock(data: Buffer): Buffer {
  let at = 0;
  let size = 0;
  for (let shift = 0;; shift += 7) {
    const byte = data.readUInt8(at++);
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const output = new Output(size);
  while (at < data.length) {
    const tag = data.readUInt8(at++);
    const kind = tag & 3;
    if (kind === 0) {
      let length = tag >> 2;
      if (length >= 60) {
        const lengthBytes = length - 59;
        length = data.readUIntLE(at, lengthBytes);
        at += lengthBytes;
      }
      output.literal(data, at, length + 1);
      at += length + 1;
    } else if (kind === 1) {
      output.copy((tag >> 5) << 8 | data.readUInt8(at++), (tag >> 2 & 7) + 4);
    } else {
      const offsetBytes = kind === 2 ? 2 : 4;
      output.copy(data.readUIntLE(at, offsetBytes), (tag >> 2) + 1);
      at += offsetBytes;
    }
  }
  return output.bytes();
}

const LZ4_MAGIC = 0x184d2204;
const LZ4_STORED = 0x80000000;

/** LZ4's frame format; checksums are left to the broker, which has checked the batch. */
export function lz4Decompress(data: Buffer): Buffer {
  if (data.readUInt32LE(0) !== LZ4_MAGIC) throw new Error("An LZ4 frame has an unknown beginning");
  const flags = data.readUInt8(4);
  const hasBlockChecksum = (flags & 0x10) !== 0;
  const hasContentSize = (flags & 0x08) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  let at = 6 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0) + 1;
  const output = new Output(data.length * 4);
  while (at < data.length) {
    const header = data.readUInt32LE(at);
    at += 4;
    if (header === 0) break;
    const length = header >= LZ4_STORED ? header - LZ4_STORED : header;
    if (header >= LZ4_STORED) output.literal(data, at, length);
    else lz4Block(data.subarray(at, at + length), output);
    at += length + (hasBlockChecksum ? 4 : 0);
  }
  return output.bytes();
}

function lz4Block(data: Buffer, output: Output): void {
  let at = 0;
  const longer = (length: number): number => {
    if (length < 15) return length;
    let byte: number;
    do {
      byte = data.readUInt8(at++);
      length += byte;
    } while (byte === 255);
    return length;
  };
  while (at < data.length) {
    const token = data.readUInt8(at++);
    const literals = longer(token >> 4);
    output.literal(data, at, literals);
    at += literals;
    if (at >= data.length) return;
    const offset = data.readUInt16LE(at);
    at += 2;
    output.copy(offset, longer(token & 15) + 4);
  }
}

/** Bytes written so far, which copies refer back to. */
class Output {
  #buffer: Buffer;
  #length = 0;

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(Math.min(expectedBytes, DECOMPRESSED_BYTES_MAX));
  }

  literal(from: Buffer, start: number, length: number): void {
    if (start + length > from.length) throw new Error("A compressed batch ends early");
    this.#grow(length);
    from.copy(this.#buffer, this.#length, start, start + length);
    this.#length += length;
  }

  /** What is copied may overlap with what the copy writes. */
  copy(distance: number, length: number): void {
    if (distance === 0 || distance > this.#length) {
      throw new Error("A compressed batch refers to what is not there");
    }
    this.#grow(length);
    const buffer = this.#buffer;
    const end = this.#length + length;
    for (let to = this.#length; to < end; to++) buffer[to] = buffer[to - distance]!;
    this.#length = end;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(by: number): void {
    const needed = this.#length + by;
    if (needed <= this.#buffer.length) return;
    if (needed > DECOMPRESSED_BYTES_MAX) {
      throw new Error(`A batch holds more than ${DECOMPRESSED_BYTES_MAX} bytes`);
    }
    const size = Math.min(Math.max(needed, this.#buffer.length * 2), DECOMPRESSED_BYTES_MAX);
    const grown = Buffer.allocUnsafe(size);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
