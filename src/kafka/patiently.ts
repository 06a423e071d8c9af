/** A broker that has just started answers before its partitions have leaders; that passes. */

import { TransientError } from "../core/errors.ts";

const AGAIN_AFTER_MS = 300;

/** Tries again what Kafka says may be tried again, until `deadlineMs` have passed. */
export async function patiently<T>(deadlineMs: number, work: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error) || performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    }
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof TransientError) return true;
  const { retriable, cause } = error as { retriable?: boolean; cause?: unknown };
  return retriable === true || (cause instanceof Error && mayPass(cause));
}
