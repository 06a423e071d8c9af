/** Bytes of records a process holds, shared by its partitions. */
export class Budget {
  held = 0;
  readonly bytesMax: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  hasRoomFor(bytes: number): boolean {
    return this.held + bytes <= this.bytesMax;
  }

  /**
   * Largest batch where `partitions` share the budget: one open, one in flight, and a fetch beside
   * them.
   */
  batchBytesMax(partitions: number): number {
    const share = Math.floor(this.bytesMax / (4 * Math.max(1, partitions)));
    return Math.min(BATCH_BYTES_MAX, Math.max(BATCH_BYTES_MIN, share));
  }
}

const BATCH_BYTES_MIN = 65_536;
const BATCH_BYTES_MAX = 4_194_304;
