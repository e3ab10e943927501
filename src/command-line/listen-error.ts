import { StartError } from '../ports/start-error.ts';

/** The clear error for an address that cannot be listened on (exit code 3); undefined when the error is about something else. */
export function listenError(error: unknown, listen: { readonly host: string; readonly port: number } | undefined): StartError | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const isListening = 'syscall' in error && (error.syscall === 'listen' || error.syscall === 'bind');
  if (!isListening && !(error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')) return undefined;
  if (!isListening && listen === undefined) return undefined;
  const host = listen?.host ?? ('address' in error ? String(error.address) : 'the address');
  const port = listen?.port ?? ('port' in error ? Number(error.port) : 0);
  return new StartError(3, reason(String(error.code), host, port), { cause: error });
}

function reason(code: string, host: string, port: number): string {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `Another program listens on ${address} already.\nSet KEYHOLD_LISTEN to another address, for example KEYHOLD_LISTEN=127.0.0.1:${port === 8081 ? 8082 : 8081}, or stop that program: \`lsof -nP -iTCP:${port} -sTCP:LISTEN\` (or \`ss -ltnp 'sport = :${port}'\`) names it.`;
    case 'EACCES':
    case 'EPERM':
      return `This user may not listen on ${address}; ports below 1024 usually need a privilege.\nSet KEYHOLD_LISTEN to a higher port, for example KEYHOLD_LISTEN=127.0.0.1:8080.`;
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${host}.\nSet KEYHOLD_LISTEN to one that it has, for example KEYHOLD_LISTEN=127.0.0.1:${port}; 0.0.0.0 is every one.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host name ${host} of KEYHOLD_LISTEN has no address (${code}).\nSet KEYHOLD_LISTEN to an IP address, for example KEYHOLD_LISTEN=127.0.0.1:${port}.`;
    default:
      return `Keyhold cannot listen on ${address} (${code}).\nSet KEYHOLD_LISTEN to another address, for example KEYHOLD_LISTEN=127.0.0.1:8080.`;
  }
}
