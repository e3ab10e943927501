import type { ExportSource } from '../../core/audit/export-lines.ts';
import { callKeyhold, type KeyholdApi, unexpectedAnswer } from './call-keyhold.ts';

/** The audit log of a running Keyhold, read over its API: one tenant's, or for null the platform's own. Throws as `callKeyhold` does. */
export function auditOverApi(api: KeyholdApi, tenant: string | null): ExportSource {
  const base = `/api/v1/${tenant === null ? '' : `tenants/${encodeURIComponent(tenant)}/`}audit`;
  return {
    head: async () => {
      const { checkpoint, keyChanges } = await callKeyhold(api, { method: 'GET', path: `${base}/checkpoint` });
      if (typeof checkpoint !== 'string' || !areTexts(keyChanges)) throw unexpectedAnswer(api);
      return { checkpoint, keyChanges };
    },
    entries: async (from, limit) => {
      const { items } = await callKeyhold(api, { method: 'GET', path: `${base}/entries?from=${from}&limit=${limit}` });
      if (!areTexts(items)) throw unexpectedAnswer(api);
      return items;
    },
  };
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
