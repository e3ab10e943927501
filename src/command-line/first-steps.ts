import type { HandedOut } from './token-outlet.ts';

export interface FirstSteps {
  /** Where Keyhold can be reached from this machine, without a slash at the end. */
  readonly url: string;
  /** The first token: to be shown (only ever to a terminal), or the file it was written to (S28). */
  readonly token: HandedOut;
}

/** By an address that stands for every one of the machine: the one that a program on it can use. */
const OWN_ADDRESS = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** `http://127.0.0.1:8080` (`https` with TLS) for what was listened on: where that is every address, this machine's own. */
export function reachableUrl(host: string, port: number, withTls: boolean): string {
  const reachable = OWN_ADDRESS.get(host) ?? host;
  return `http${withTls ? 's' : ''}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** A sentence for the log. It says so where others can reach Keyhold too. */
export function listeningText(host: string, port: number, withTls: boolean): string {
  const url = reachableUrl(host, port, withTls);
  return OWN_ADDRESS.has(host) ? `Keyhold listens on every address of this machine (${host}), from here on ${url}` : `Keyhold listens on ${url}`;
}

/**
 * What to do after the first start, as commands that can be pasted into bash or zsh, in this order. They carry no comments,
 * which zsh does not take at its prompt, and no key in an argument that `ps` would show.
 */
export function firstSteps({ url, token }: FirstSteps): string {
  const json = '-H "Content-Type: application/json"';
  const asAdmin = '-H "Authorization: Bearer $admin"';
  const asTenant = '-H "Authorization: Bearer $tenant"';
  const steps: readonly (readonly [title: string, ...commands: readonly string[]])[] = [
    [
      'Open another terminal and tell it where Keyhold is and who you are:',
      `url=${url}`,
      'show' in token ? `admin=${token.show.reveal()}` : `admin=$(cat ${shellQuoted(token.file)})`,
      'field() { node -pe "JSON.parse(fs.readFileSync(0)).$1"; }',
    ],
    [
      'Make a tenant and its first administrator:',
      `curl -sS "$url/api/v1/tenants" ${asAdmin} ${json} -d '{"id": "acme", "name": "Acme"}'`,
      `tenant=$(curl -sS "$url/api/v1/tenants/acme/tokens" ${asAdmin} ${json} -d '{"name": "first administrator", "role": "tenant-admin"}' | field token)`,
    ],
    ['Hand over the tenant\'s key. Run this line alone, then paste an OpenAI key and press Enter; it is not shown:', 'read -rs openai_key'],
    [
      'Then store it:',
      `printf '{"fields": {"api_key": "%s"}}' "$openai_key" | curl -sS -X PUT "$url/api/v1/tenants/acme/credentials/openai" ${asTenant} ${json} -d @-`,
    ],
    [
      'Make a gateway key for an application, and call OpenAI with it:',
      `key=$(curl -sS "$url/api/v1/tenants/acme/gateway-keys" ${asTenant} ${json} -d '{"name": "my application"}' | field key)`,
      `curl -sS "$url/v1/chat/completions" -H "Authorization: Bearer $key" ${json} -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}'`,
    ],
    [
      'See what was used, and who touched the key:',
      `curl -sS "$url/api/v1/tenants/acme/usage" ${asTenant}`,
      `curl -sS "$url/api/v1/tenants/acme/audit" ${asTenant}`,
    ],
  ];
  const text = steps.map(([title, ...commands], index) => [`${index + 1}. ${title}`, '', ...commands.map((command) => `    ${command}`), ''].join('\n')).join('\n');
  return `\nKeyhold is ready at ${url}\n\n${whereTheTokenIs(token)}\n\n${text}`;
}

function whereTheTokenIs(token: HandedOut): string {
  const ends = 'It ends after 24 hours, or when an administrator\'s token of your own (POST /api/v1/tokens) is first used.';
  return 'show' in token
    ? `This administrator's token is shown only now:\n\n    ${token.show.reveal()}\n\n${ends}`
    : `An administrator's token is in ${token.file}\n${ends}`;
}

function shellQuoted(text: string): string {
  return /^[\w./-]+$/u.test(text) ? text : `'${text.replaceAll('\'', String.raw`'\''`)}'`;
}
