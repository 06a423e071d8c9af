/** The HTTP entrance: events into Kafka. It needs Kafka and nothing else. */

import { readConfig } from "../src/config.ts";
import { createEdge } from "../src/edge/server.ts";
import { runRole } from "../src/telemetry/process.ts";
import { streams } from "../streams/mod.ts";

await runRole("edge", async (logger) => {
  const edge = createEdge({ config: readConfig(), streams, logger });
  const { host, port } = await edge.start();
  const shown = host.includes(":") ? `[${host}]` : host;
  return { address: `http://${shown}:${port}`, stop: () => edge.stop() };
});
