/**
 * Members of a group whose process is gone. A killed consumer keeps its partitions until its
 * session ends, ten seconds in which every rebalance waits for it; the next one on the same host
 * knows better and takes it out. Elsewhere the session's end remains.
 */

import type { Kafka } from "kafkajs";
import { hostname } from "node:os";
import process from "node:process";
import { clusterOf } from "./cluster.ts";

const PREFIX = `millrace-${hostname()}-`;

/** Names this process to the brokers. */
export const CLIENT_ID = `${PREFIX}${process.pid}`;

/** Answers how many were taken out. */
export async function removeDeadMembers(kafka: Kafka, groupId: string): Promise<number> {
  const cluster = clusterOf(kafka);
  try {
    await cluster.connect();
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    const { groups } = await coordinator.describeGroups({ groupIds: [groupId] });
    const dead = groups.flatMap((group) => group.members).filter(({ clientId }) =>
      isDead(clientId)
    );
    for (const { memberId } of dead) await coordinator.leaveGroup({ groupId, memberId });
    return dead.length;
  } finally {
    await cluster.disconnect();
  }
}

/** Only what ran on this host can be known to be dead. */
function isDead(clientId: string): boolean {
  if (!clientId.startsWith(PREFIX)) return false;
  const pid = Number(clientId.slice(PREFIX.length));
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}
