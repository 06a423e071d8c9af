/** HTTP written by hand, for requests that no client would send. */

import net from "node:net";

export interface RawConnection {
  socket: net.Socket;
  write(text: string | Uint8Array): void;
  /** All that came, once the other side has closed or the deadline has passed. */
  ended(deadlineMs: number): Promise<{ text: string; closed: boolean }>;
}

export async function connect(port: number): Promise<RawConnection> {
  const socket = net.connect({ host: "127.0.0.1", port });
  let text = "";
  let closed = false;
  let onClose = () => {};
  socket.on("data", (data) => text += data.toString("latin1"));
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    onClose();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return {
    socket,
    write: (text) => {
      if (!socket.destroyed) socket.write(text);
    },
    async ended(deadlineMs) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      if (!closed) {
        await new Promise<void>((resolve) => {
          onClose = resolve;
          timer = setTimeout(resolve, deadlineMs);
        });
      }
      clearTimeout(timer);
      socket.destroy();
      return { text, closed };
    },
  };
}

/** Sends one request on a connection of its own. */
export async function rawRequest(
  port: number,
  lines: string[],
  body: string | Uint8Array = "",
  deadlineMs = 5_000,
): Promise<{ status: number; text: string; closed: boolean }> {
  const connection = await connect(port);
  connection.write(`${lines.join("\r\n")}\r\n\r\n`);
  connection.write(body);
  const { text, closed } = await connection.ended(deadlineMs);
  return { status: Number(text.slice(9, 12)), text, closed };
}
