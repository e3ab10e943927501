import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { StartError } from '../../ports/start-error.ts';

const ANSWER_MS = 30_000;
const HERE: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

const Refusal = Type.Object({ error: Type.String(), error_description: Type.Optional(Type.String()) });

/** The provider answered, and did not do it: with a code of RFC 6749, section 5.2, or RFC 8628, section 3.5. */
export class ProviderRefusal extends StartError {
  readonly code: string;

  constructor(address: string, { error, error_description: description }: Static<typeof Refusal>) {
    super(1, `The identity provider at ${new URL(address).origin} refused: ${error}${description === undefined ? '' : ` (${description})`}.`);
    this.code = error;
  }
}

/** Reads JSON of an identity provider. Throws `StartError` (1). */
export async function readOf<S extends TSchema>(address: string, schema: S): Promise<Static<S>> {
  return exchange(address, schema, { method: 'GET' });
}

/** Sends a form to it; an answer without a body is `{}`. Throws `ProviderRefusal`, or `StartError` (1) for one that did not answer. Redirects are errors: the form goes where it was meant to. */
export async function sendTo<S extends TSchema>(address: string, form: Readonly<Record<string, string>>, schema: S): Promise<Static<S>> {
  return exchange(address, schema, { method: 'POST', body: new URLSearchParams(form) });
}

/** Throws `StartError` (1) for an address at which what is sent could be read on the way. */
export function requireSafe(address: string): string {
  const url = URL.parse(address);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && HERE.has(url.hostname))) return address;
  throw new StartError(1, `The identity provider names an address that is not https (${JSON.stringify(address.slice(0, 200))}). Nothing was sent there.`);
}

async function exchange<S extends TSchema>(address: string, schema: S, init: RequestInit): Promise<Static<S>> {
  requireSafe(address);
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(address, { ...init, headers: { accept: 'application/json' }, redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await response.text();
    answer = text === '' ? {} : parsed(text);
  } catch (cause) {
    throw new StartError(1, `The identity provider at ${new URL(address).origin} did not answer. Can this machine reach it?`, { cause });
  }
  if (response.ok && Value.Check(schema, answer)) return answer;
  if (!response.ok && Value.Check(Refusal, answer)) throw new ProviderRefusal(address, answer);
  throw new StartError(1, `The identity provider at ${new URL(address).origin} answered ${response.status} in a way that is not that of OpenID Connect. Check the issuer in Keyhold's configuration.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
