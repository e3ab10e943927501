import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Destination, Proxy } from './proxies.ts';

const ANSWER_MS = 10_000;
/** Far more than a proxy has to say. */
const LARGEST_HEAD = 16 * 1024;
const HEAD_END = '\r\n\r\n';

/** A proxy did not connect us. Nothing was sent to the host. Its words are not repeated, and neither is what we have shown it. */
class ProxyFailed extends Error {
  /** As network errors carry one, so that whoever made the connection can tell it from those. */
  readonly code = 'ERR_PROXY_FAILED';

  constructor(proxy: Proxy, destination: Destination, what: string, options?: ErrorOptions) {
    super(`The proxy ${proxy.host}:${proxy.port} ${what} (for ${destination.host}:${destination.port}).`, options);
    this.name = 'ProxyFailed';
  }
}

/**
 * Asks a proxy to connect us to a host. `done` is called once: without an error when the socket leads there from then on (paused), otherwise when it is destroyed, or
 * closed by somebody. Until then the socket is nobody's to write to or to read.
 */
export function openTunnel(proxy: Proxy, destination: Destination, done: (error?: Error) => void, timeoutMs: number = ANSWER_MS): Socket {
  const { host, port } = proxy;
  const socket: Socket = proxy.secure ? connectTls({ host, port, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 ? { servername: host } : {}) }) : connectPlain({ host, port });
  socket.setNoDelay(true);
  const fail = (what: string, cause?: unknown): void => {
    settle();
    const error = new ProxyFailed(proxy, destination, what, { cause });
    // A close follows.
    socket.on('error', () => undefined).destroy(error);
    done(error);
  };
  const late = setTimeout(() => fail('did not connect us in time'), timeoutMs);
  let head = '';
  const onData = (bytes: Buffer): void => {
    head += bytes.toString('latin1');
    const end = head.indexOf(HEAD_END);
    if (end === -1 && head.length <= LARGEST_HEAD) return;
    const what = faultOf(head, end);
    if (what !== undefined) {
      fail(what);
      return;
    }
    settle();
    socket.pause();
    done();
  };
  const onError = (cause: Error): void => fail('cannot be reached, or broke off', cause);
  const onClose = (): void => fail('closed the connection before it answered');
  const settle = (): void => {
    clearTimeout(late);
    socket.off('data', onData).off('error', onError).off('end', onClose).off('close', onClose);
  };
  socket.on('error', onError).on('end', onClose).on('close', onClose);
  socket.once(proxy.secure ? 'secureConnect' : 'connect', () => {
    socket.on('data', onData);
    socket.write(requestText(proxy, destination), 'latin1');
  });
  return socket;
}

/** What is wrong with a proxy's answer, whose head ends at `end`, if anything is. */
function faultOf(head: string, end: number): string | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head)?.[1] ?? '';
  // A refusal may have a body. Behind a connection nothing comes: the host says nothing before we do.
  if (end === -1 || status === '' || (status.startsWith('2') && end + HEAD_END.length !== head.length)) return 'answered, but not as a proxy does: HTTPS_PROXY may name something else';
  if (status === '407') return 'wants to know who we are: put user and password into HTTPS_PROXY, or correct them';
  return status.startsWith('2') ? undefined : `refuses to connect us, with status ${status}: let it allow the host, or name the host in NO_PROXY`;
}

function requestText({ authorization }: Proxy, { host, port }: Destination): string {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  return `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${authorization === null ? '' : `proxy-authorization: ${authorization.reveal()}\r\n`}\r\n`;
}
