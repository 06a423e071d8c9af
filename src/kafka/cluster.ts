/** kafkajs's connections to the brokers, for requests that its own clients do not offer. */

import type { Kafka } from "kafkajs";

export interface Broker {
  connectionPool: { send(request: unknown): Promise<unknown> };
  describeGroups(request: { groupIds: string[] }): Promise<{
    groups: { state: string; members: { memberId: string; clientId: string }[] }[];
  }>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
}

export interface Cluster {
  connect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  disconnect(): Promise<void>;
  findControllerBroker(): Promise<Broker>;
  findGroupCoordinator(request: { groupId: string }): Promise<Broker>;
}

/** kafkajs keeps it behind a symbol. */
export function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka)
    .find((symbol) => symbol.description === "private:Kafka:createCluster");
  const create = symbol &&
    (kafka as unknown as Record<symbol, (options: unknown) => Cluster>)[symbol];
  if (!create) throw new Error("Cannot reach into this version of kafkajs");
  return create({ allowAutoTopicCreation: false, metadataMaxAge: 30_000 });
}
