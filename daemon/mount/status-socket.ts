/** The socket that answers every connection with the mount's counters, as one JSON object, and hangs up. */
import { createServer, type Server } from 'node:net';

export function serveStatus(path: string, counters: () => Promise<Record<string, number>>): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    counters().then((answer) => socket.end(JSON.stringify(answer)));
  });
  server.listen(path);
  server.unref();
  return server;
}
