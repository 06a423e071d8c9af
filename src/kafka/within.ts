/** A promise that is not waited for without limit. */

import { TransientError } from "../core/errors.ts";

/**
 * @param what names the action, as in "Cannot connect to Kafka within 10000 ms".
 * @throws TransientError once `deadlineMs` have passed; the work itself goes on.
 */
export async function within<T>(deadlineMs: number, work: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TransientError("TRANSIENT_BROKER", `Cannot ${what} within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
