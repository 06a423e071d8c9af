/**
 * The failures Millrace knows, by what they are about: a record, the moment, or a stream. What is
 * none of these is our own mistake and crashes the process; the checkpoint makes that safe.
 */

/** About this record: it becomes a dead letter, its neighbours load. */
export class RejectError extends Error {
  override name = "RejectError";
  readonly code: `REJECT_${string}`;
  readonly detail: { sqlState?: string; errno?: number; column?: string };

  constructor(code: RejectError["code"], message: string, detail: RejectError["detail"] = {}) {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}

/** About the moment: the same job is run again, for ever. */
export class TransientError extends Error {
  override name = "TransientError";
  readonly code: `TRANSIENT_${string}`;

  constructor(code: TransientError["code"], message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

/** About this stream: the partition stops with its reason, and a person decides. */
export class HaltError extends Error {
  override name = "HaltError";
  readonly code: `HALT_${string}`;

  constructor(code: HaltError["code"], message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}
