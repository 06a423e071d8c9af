/**
 * The failures Millrace knows, by what they are about: a record, the moment, or a stream. What is
 * none of these is our own mistake and crashes the process; the checkpoint makes that safe.
 */

/** About this record: it becomes a dead letter, its neighbours load. */
export class RejectError extends Error {
  override name = "RejectError";
  constructor(
    readonly code: `REJECT_${string}`,
    message: string,
    readonly detail: { sqlState?: string; errno?: number; column?: string } = {},
  ) {
    super(message);
  }
}

/** About the moment: the same job is run again, for ever. */
export class TransientError extends Error {
  override name = "TransientError";
  constructor(readonly code: `TRANSIENT_${string}`, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
  }
}

/** About this stream: the partition stops with its reason, and a person decides. */
export class HaltError extends Error {
  override name = "HaltError";
  constructor(readonly code: `HALT_${string}`, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
  }
}
