import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'vitest';
import { createServer } from '../../src/http/server.ts';
import { startGateway } from './gateway-fixture.ts';
import { startStrictUpstream, type WireRequest } from './servers/strict-upstream.ts';

/** The gateway behind the product's listener, and a provider that sees every byte. The key is `key`. */
export interface WireGateway {
  /** What reached the provider since `forget`. */
  readonly requests: readonly WireRequest[];
  readonly bodies: readonly string[];
  /** How many requests were noted before they were sent on, since `forget`. */
  readonly started: number;
  forget(): void;
  /** Sends bytes, one character each, and gives everything that comes back until the listener closes. `push`: sent when it waits for more. Checks that no answer tells of a failure of ours. */
  exchange(bytes: string, push?: string): Promise<string>;
  /** Checks what holds whatever came: the provider saw whole requests, each noted before and with one key, and nothing failed inside. */
  expectOrder(): void;
  close(): Promise<void>;
}

/** Far more than a request takes to pass through; counted, since a busy machine may stand still for any time, and this is all one process. */
const QUIET_TURNS = 25;
const TURN_MS = 10;
/** Nothing is meant to take so long. */
const LIMIT_MS = 60_000;

/** Written by Keyhold alone; of the others a caller may send several. */
const OURS: ReadonlySet<string> = new Set(['host', 'connection', 'accept-encoding', 'authorization', 'content-type', 'content-length']);

export async function startWireGateway(): Promise<WireGateway> {
  const upstream = await startStrictUpstream();
  const fixture = await startGateway({ baseUrls: { openai: `${upstream.url}/v1` } });
  const listener = createServer({
    gateway: fixture.gateway,
    controlPlane: { handle: (_request, response) => void response.end('control') },
    random: randomBytes,
    limits: { checkMs: 100, headMs: LIMIT_MS, requestMs: LIMIT_MS, idleMs: LIMIT_MS },
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP listener has an AddressInfo
  const { port } = listener.address() as AddressInfo;
  return {
    requests: upstream.requests,
    get bodies() {
      return upstream.requests.map(({ body }) => body);
    },
    get started() {
      return fixture.started.length;
    },
    forget: () => {
      for (const list of [upstream.requests, upstream.broken, fixture.started, fixture.logged]) list.length = 0;
    },
    exchange: async (bytes, push) => {
      const answers = await exchange(port, bytes, push);
      expect(answers).not.toMatch(/HTTP\/1\.1 5\d\d|"code":"(?:internal|corrupt)"|(?:\n|\\n) {4}at /);
      return answers;
    },
    expectOrder: () => {
      expect(upstream.broken).toEqual([]);
      expect(upstream.requests.length).toBeLessThanOrEqual(fixture.started.length);
      for (const { line, headers } of upstream.requests) {
        expect(line).toMatch(/^(?:POST \/v1\/chat\/completions|GET \/v1\/models) HTTP\/1\.1$/);
        expect(headers.filter(([name]) => name === 'authorization')).toEqual([['authorization', 'Bearer sk-test-provider-key']]);
        const ours = headers.map(([name]) => name).filter((name) => OURS.has(name));
        expect(new Set(ours).size, JSON.stringify(headers)).toBe(ours.length);
      }
      expect(fixture.logged.filter((line) => /gateway_failed|\n {4}at /.test(line))).toEqual([]);
    },
    close: async () => {
      listener.closeAllConnections();
      listener.close();
      await fixture.close();
      await upstream.close();
    },
  };
}

function exchange(port: number, bytes: string, push: string | undefined): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let quiet = 0;
    const turns = setInterval(() => {
      quiet += 1;
      if (push !== undefined && quiet === QUIET_TURNS) socket.write(push, 'latin1');
    }, TURN_MS);
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      quiet = 0;
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearInterval(turns);
      resolve(text);
    });
    socket.once('connect', () => socket.write(bytes, 'latin1'));
  });
}
