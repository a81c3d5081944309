import { SUBPROTOCOLS } from "../../../src/channel/frames.js";
import { Random } from "./random.js";
import { encoded, mutated, validSession } from "./sessions.js";
import { frame, upgrade, Wire } from "./wire.js";

export interface FuzzTotals {
  connections: number;
  messages: number;
}

// Connections at a time.
const LANES = 8;

/** Speaks nonsense of every kind to a server for so long. */
export async function fuzz(
  path: string,
  containers: readonly string[],
  { seed, seconds }: { seed: number; seconds: number },
): Promise<FuzzTotals> {
  const totals = { connections: 0, messages: 0 };
  const until = performance.now() + seconds * 1000;
  const lane = async (random: Random): Promise<void> => {
    while (performance.now() < until) {
      totals.connections++;
      totals.messages += await connection(random, path, containers);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(new Random(seed + number))));
  return totals;
}

/** One connection; gives how many messages it sent. */
async function connection(random: Random, path: string, containers: readonly string[]): Promise<number> {
  const wire = new Wire(path);
  const { socket } = wire;
  let messages = 0;
  if (random.chance(0.05)) {
    // No WebSocket at all: noise, or an upgrade that is damaged.
    const bytes = random.chance(0.5) ? random.bytes(random.below(400)) : mutated(random, upgrade(SUBPROTOCOLS[0]));
    socket.end(bytes);
  } else {
    const subprotocol = random.of(SUBPROTOCOLS);
    socket.write(upgrade(subprotocol));
    await wire.hear(1, 2000);
    for (const message of encoded(validSession(random, containers), subprotocol)) {
      messages++;
      const kind = random.next();
      if (kind < 0.45) socket.write(frame(message));
      else if (kind < 0.85) socket.write(frame(mutated(random, message)));
      else if (kind < 0.93) socket.write(frame(random.bytes(random.below(300)), random.of([1, 2])));
      else if (kind < 0.97) socket.write(frame(message, random.below(16)));
      else socket.write(mutated(random, frame(message)));
      if (random.chance(0.3)) await wire.hear(wire.heard + 1 + random.below(2000), 5);
      if (socket.destroyed) break;
    }
    if (random.chance(0.5)) socket.destroy();
    else socket.end();
  }
  // A server that waits for the rest of a message is not waited for.
  await wire.hear(Number.POSITIVE_INFINITY, 10);
  socket.destroy();
  await wire.closed;
  return messages;
}
