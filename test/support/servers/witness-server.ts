import { createHash, createPrivateKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openCheckpoint } from '../../../src/core/audit/notes/checkpoint.ts';
import type { VerifierKey } from '../../../src/core/audit/notes/verifier-key.ts';
import { provesConsistency } from '../../../src/core/audit/tree/verify-proof.ts';

interface Seen {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

/** A witness as C2SP's tlog-witness describes one, in memory. It computes key ids and cosignatures by itself, from the specification. */
export interface WitnessServer {
  readonly url: string;
  /** Its verifier key. */
  readonly key: string;
  /** Bodies of requests, as they came. */
  readonly requests: string[];
  /** From now on it knows this key for the log of the key's name. */
  learn(key: VerifierKey): void;
  /** The size of the last checkpoint that it has signed. */
  seen(origin: string): number;
  /** Answers instead of it, until it is undefined again. */
  trouble: ((response: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const name = 'witness.test/w1';

export async function startWitnessServer(seed: Buffer = Buffer.alloc(32, 5)): Promise<WitnessServer> {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const { x = '' } = secret.export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url');
  const id = createHash('sha256').update(`${name}\n`).update(Uint8Array.of(4)).update(publicKey).digest().subarray(0, 4);
  const logs = new Map<string, VerifierKey>();
  const states = new Map<string, Seen>();

  const cosigned = (note: string): string => {
    const time = Math.floor(Date.now() / 1000);
    const stamp = Buffer.alloc(8);
    stamp.writeBigUInt64BE(BigInt(time));
    const text = note.slice(0, note.indexOf('\n\n') + 1);
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), secret);
    return `\u2014 ${name} ${Buffer.concat([id, stamp, signature]).toString('base64')}\n`;
  };

  /** The status and what goes with it, rule by rule as the specification lists them. */
  const decided = (body: string): readonly [number, string, string?] => {
    const [head = '', ...rest] = body.split('\n\n');
    const note = rest.join('\n\n');
    const [first = '', ...lines] = head.split('\n');
    const old = /^old (0|[1-9]\d*)$/.exec(first)?.[1];
    const origin = note.split('\n', 1)[0] ?? '';
    if (old === undefined || lines.length > 63) return [400, 'malformed'];
    const known = logs.get(origin);
    if (known === undefined) return [404, 'unknown log'];
    const checkpoint = openCheckpoint(note, [known]);
    if (checkpoint === undefined) return [403, 'invalid signature'];
    const oldSize = Number(old);
    if (oldSize > checkpoint.size) return [400, 'old size is larger'];
    const state = states.get(origin);
    if (oldSize !== (state?.size ?? 0)) return [409, `${state?.size ?? 0}\n`, 'text/x.tlog.size'];
    const proof = lines.map((line) => Buffer.from(line, 'base64'));
    const firstRoot = state?.root ?? checkpoint.root;
    if (!provesConsistency({ first: oldSize, firstRoot, second: checkpoint.size, secondRoot: checkpoint.root, proof })) return [422, 'inconsistent'];
    const cosignature = cosigned(note);
    states.set(origin, { size: checkpoint.size, root: checkpoint.root, note: note + cosignature });
    return [200, `\u2014 example.com/stranger ${Buffer.alloc(72).toString('base64')}\n${cosignature}`];
  };

  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    made.requests.push(body);
    if (made.trouble !== undefined) {
      made.trouble(response);
      return;
    }
    const [status, text, type = 'text/plain; charset=utf-8'] = request.method === 'POST' && request.url === '/w/add-checkpoint' ? decided(body) : [404, 'no such address'];
    response.writeHead(status, { 'content-type': type }).end(text);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const made: WitnessServer = {
    url: `http://127.0.0.1:${port}/w`,
    key: `${name}+${id.toString('hex')}+${Buffer.concat([Uint8Array.of(4), publicKey]).toString('base64')}`,
    requests: [],
    trouble: undefined,
    learn: (key) => void logs.set(key.name, key),
    seen: (origin) => states.get(origin)?.size ?? 0,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return made;
}
