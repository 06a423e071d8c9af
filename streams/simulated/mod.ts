/** Makes believable events for `millrace simulate`, with the values at which storing goes wrong. */

import accessLog from "./access_log.ts";
import type { Simulated } from "./making.ts";
import telemetry from "./telemetry.ts";

export const simulated: Record<string, Simulated> = { telemetry, access_log: accessLog };
