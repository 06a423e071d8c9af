/** The real clock; timers of a stopped process do not keep it alive. */

import type { Clock } from "../core/ports.ts";

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};
