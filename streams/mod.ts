/** The streams of this installation: what a user edits. */

import type { Stream } from "../src/stream/mod.ts";
import accessLog from "./access_log.ts";
import telemetry from "./telemetry.ts";

export const streams = [telemetry, accessLog] as Stream[];
