/**
 * The sockets of one kafkajs client, so that they can be taken away: kafkajs goes on by itself
 * after a failure or a stop, and only what has no socket can do no harm.
 */

import type { ISocketFactory } from "kafkajs";
import net from "node:net";
import tls from "node:tls";

const KEEP_ALIVE_MS = 60_000;

export class TrackedSockets {
  /** How many are connected. */
  connected = 0;
  /** Called when the last connected one has closed. */
  onLost: () => void = () => {};
  #open = new Set<net.Socket>();
  #isCut = false;

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#isCut) throw new Error("This Kafka client was given up");
    const socket = ssl
      ? tls.connect({ host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl })
      : net.connect({ host, port });
    this.#open.add(socket);
    let isConnected = false;
    socket.once(ssl ? "secureConnect" : "connect", () => {
      isConnected = true;
      this.connected++;
      onConnect();
    });
    socket.once("close", () => {
      this.#open.delete(socket);
      if (!isConnected) return;
      this.connected--;
      if (this.connected === 0) this.onLost();
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    return socket;
  };

  /** Closes all, at once, and lets none be opened any more. */
  cut(): void {
    this.#isCut = true;
    this.onLost = () => {};
    // With an error, because kafkajs rejects what waits only then.
    for (const socket of this.#open) socket.destroy(new Error("This Kafka client was given up"));
  }
}
