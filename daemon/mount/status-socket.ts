/** The socket that answers every connection with the mount's counters, as one JSON object, and hangs up. */
import { createServer, type Server } from 'node:net';

/** What the socket answered; null where it is no counters. */
export function parseCounters(text: string): Record<string, number> | null {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return null;
    const numbers = Object.values(answer).every((value) => typeof value === 'number');
    return numbers ? (answer as Record<string, number>) : null;
  } catch {
    return null;
  }
}

export function serveStatus(path: string, counters: () => Promise<Record<string, number>>): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    counters().then((answer) => socket.end(JSON.stringify(answer)));
  });
  server.listen(path);
  server.unref();
  return server;
}
