import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A request as it stood on the wire; latin1, one character a byte. */
export interface WireRequest {
  readonly line: string;
  /** Name in lower case and value, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A provider that reads bytes by itself, and takes nothing that two readers could take differently. Every request gets `{}` back. */
export interface StrictUpstream {
  readonly url: string;
  readonly requests: WireRequest[];
  /** Bytes that are no such request. */
  readonly broken: string[];
  close(): Promise<void>;
}

/** A value may hold tabs (RFC 9110, section 5.5). */
const HEAD = /^((?:GET|POST) \/[\x21-\x7e]* HTTP\/1\.1)\r\n((?:[!#$%&'*+\-.^_`|~\w]+: ?[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n/;
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';

export async function startStrictUpstream(): Promise<StrictUpstream> {
  const sockets = new Set<Socket>();
  const requests: WireRequest[] = [];
  const broken: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      if (text !== '') broken.push(text);
    });
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      const request = readRequest(text);
      if (request === 'incomplete') return;
      if (request === undefined || request.rest !== '') {
        // One answer at a time: whoever sends more than a request before it has been answered did not mean to send two.
        broken.push(text);
        text = '';
        socket.destroy();
        return;
      }
      text = '';
      requests.push(request);
      socket.write(ANSWER);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP listener has an AddressInfo
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    broken,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function readRequest(text: string): (WireRequest & { readonly rest: string }) | 'incomplete' | undefined {
  const [head, line = '', lines = ''] = HEAD.exec(text) ?? [];
  if (head === undefined) return undefined;
  const headers = lines
    .trimEnd()
    .split('\r\n')
    .map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()] as const);
  const lengths = headers.filter(([name]) => name === 'content-length').map(([, value]) => value);
  const isFramed = line.startsWith('GET') ? lengths.length === 0 : lengths.length === 1 && /^(?:0|[1-9]\d*)$/.test(lengths[0] ?? '');
  if (!isFramed || headers.some(([name]) => name === 'transfer-encoding')) return undefined;
  const end = head.length + Number(lengths[0] ?? 0);
  return text.length < end ? 'incomplete' : { line, headers, body: text.slice(head.length, end), rest: text.slice(end) };
}
