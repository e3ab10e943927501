import type { Environment } from './environment.ts';

interface UnsafeFlag {
  readonly pattern: RegExp;
  readonly because: string;
}

/** Node's flags through which a secret in memory, or on its way, can leave the process (S36). */
const unsafeFlags: readonly UnsafeFlag[] = [
  { pattern: /^--(?:inspect|debug-port)(?:-|=|$)/u, because: 'a debugger could read every key in memory' },
  { pattern: /^--heapsnapshot-/u, because: 'heap snapshots hold every key in memory' },
  { pattern: /^--heap-prof(?:-|=|$)/u, because: 'heap profiles are made from memory that holds keys' },
  { pattern: /^--diagnostic-dir(?:=|$)/u, because: 'it is where heap snapshots and profiles are written' },
  { pattern: /^--abort-on-uncaught-exception(?:=|$)/u, because: 'a core dump holds every key in memory' },
  { pattern: /^--tls-keylog(?:=|$)/u, because: 'with the logged session keys, recorded traffic can be read' },
  { pattern: /^--trace-tls(?:=|$)/u, because: 'it prints what is sent over TLS connections' },
];

/** Why this process may not serve in production, one sentence each; empty when it may (S36). */
export function unsafeProcess(environment: Environment): readonly string[] {
  const problems = [
    ...unsafeIn(environment.execArgv, 'the command line'),
    ...unsafeIn(words(environment.variables['NODE_OPTIONS'] ?? ''), 'NODE_OPTIONS'),
  ];
  if (environment.inspectorUrl !== undefined && problems.length === 0) {
    problems.push('A debugger can attach to this process, so production refuses to run: it could read every key in memory. Start it without.');
  }
  if (environment.variables['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    problems.push('NODE_TLS_REJECT_UNAUTHORIZED=0 is refused in production: keys would be sent to whoever answers. Remove it; for a CA of your own set NODE_EXTRA_CA_CERTS.');
  }
  // Measured: NODE_DEBUG=net prints Authorization headers as they are written to sockets.
  if ((environment.variables['NODE_DEBUG'] ?? '') !== '') {
    problems.push('NODE_DEBUG is refused in production: it prints what is written to connections, keys included. Remove it; KEYHOLD_LOG_LEVEL=debug is safe.');
  }
  return problems;
}

/** Warnings for a process that was started without the flags of S36. */
export function missingProtection(environment: Environment): readonly string[] {
  const given = new Set(environment.execArgv.map(withDashes));
  const missing = ['--disable-sigusr1', '--report-exclude-env'].filter((flag) => !given.has(flag));
  if (missing.length === 0) return [];
  return [`Node was started without ${missing.join(' and ')}. Start Keyhold by npm start or keyhold serve, which give them.`];
}

function unsafeIn(flags: readonly string[], where: string): string[] {
  return flags.flatMap((flag) => {
    const found = unsafeFlags.find(({ pattern }) => pattern.test(withDashes(flag)));
    if (found === undefined) return [];
    const name = withDashes(flag).replace(/=.*$/su, '');
    return [`${name} (from ${where}) is refused in production: ${found.because}. Remove it.`];
  });
}

/** Node takes `_` for `-` in the names of flags. */
function withDashes(flag: string): string {
  const [name = '', ...value] = flag.split('=');
  return [name.replaceAll('_', '-'), ...value].join('=');
}

/** `NODE_OPTIONS` holds words between spaces; quotes may surround a word or a part of it. */
function words(options: string): readonly string[] {
  return options.replaceAll(/["\\]/gu, '').split(/\s+/u).filter((word) => word !== '');
}
