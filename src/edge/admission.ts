/**
 * The bound on what the edge holds: bytes of requests that are being read, and of records that
 * wait for Kafka. A request reserves before its body is read, so that no crowd of small promises
 * can grow beyond the bound.
 */

export interface Reservation {
  /** Lets go of what turned out not to be needed. */
  shrinkTo(bytes: number): void;
  release(): void;
}

export class Admission {
  readonly #bytesMax: number;
  readonly #waitingBytes: () => number;
  #reservedBytes = 0;

  /** @param waitingBytes what the producers hold. */
  constructor(bytesMax: number, waitingBytes: () => number) {
    this.#bytesMax = bytesMax;
    this.#waitingBytes = waitingBytes;
  }

  get bytesInFlight(): number {
    return this.#reservedBytes + this.#waitingBytes();
  }

  get isFull(): boolean {
    return this.bytesInFlight >= this.#bytesMax;
  }

  /** Null where it would go over the bound. A request larger than the bound passes alone. */
  reserve(bytes: number): Reservation | null {
    const held = this.bytesInFlight;
    if (held > 0 && held + bytes > this.#bytesMax) return null;
    let reserved = bytes;
    this.#reservedBytes += reserved;
    const shrinkTo = (bytes: number): void => {
      if (bytes >= reserved) return;
      this.#reservedBytes -= reserved - bytes;
      reserved = bytes;
    };
    return { shrinkTo, release: () => shrinkTo(0) };
  }
}
