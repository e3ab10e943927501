import type { ExportSource } from '../../core/audit/export-lines.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { StartError } from '../../ports/start-error.ts';

const ANSWER_MS = 60_000;

export interface KeyholdApiOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: SecretValue;
  /** null: the platform's own log. */
  readonly tenant: string | null;
}

/**
 * The audit log of a running Keyhold, read over its API. Throws `StartError` (1) that says what to do. The token goes to the address that was given
 * and nowhere else: redirects are errors.
 */
export function auditOverApi({ url, token, tenant }: KeyholdApiOptions): ExportSource {
  const base = `${url}/api/v1/${tenant === null ? '' : `tenants/${encodeURIComponent(tenant)}/`}audit`;
  const get = async (path: string): Promise<Readonly<Record<string, unknown>>> => answerOf(await ask(`${base}${path}`, token), url);
  return {
    head: async () => {
      const { checkpoint, keyChanges } = await get('/checkpoint');
      if (typeof checkpoint !== 'string' || !areTexts(keyChanges)) throw unexpected(url);
      return { checkpoint, keyChanges };
    },
    entries: async (from, limit) => {
      const { items } = await get(`/entries?from=${from}&limit=${limit}`);
      if (!areTexts(items)) throw unexpected(url);
      return items;
    },
  };
}

async function ask(address: string, token: SecretValue): Promise<Response> {
  try {
    return await fetch(address, { headers: { authorization: `Bearer ${token.reveal()}` }, redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (cause) {
    throw new StartError(1, `${new URL(address).origin} did not answer. Is KEYHOLD_URL the address of a running Keyhold, and can this machine reach it?`, { cause });
  }
}

async function answerOf(response: Response, url: string): Promise<Readonly<Record<string, unknown>>> {
  const body: unknown = await response.json().catch(() => undefined);
  const fields: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  if (response.ok) return fields;
  const { error } = fields;
  const said = typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string' ? error.message : `It answered ${response.status}.`;
  throw new StartError(1, `${url} refused: ${said}`);
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function unexpected(url: string): StartError {
  return new StartError(1, `${url} answered, but not as Keyhold does. Check KEYHOLD_URL.`);
}
