import { Type } from 'typebox';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import type { AuditTree } from './tree.ts';

const from = Type.Optional(Type.String({ description: 'The number of entries to begin after; 0 when left out. Not together with cursor.', pattern: '^(0|[1-9][0-9]{0,14})$' }));
const query = Type.Object({ ...pageQuery, from }, closed);

/** The entries of a tree as they are hashed, the oldest first: what `keyhold audit export` writes. */
export function listAuditEntries(tree: AuditTree): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: `${tree.base}/entries`,
    summary: `List the entries of ${tree.whose} as they are hashed, the oldest first`,
    tag: 'Audit',
    statuses: [200],
    schema: { params: tree.params, query, answer: pageOf(Type.String({ description: 'a row in its canonical form; its UTF-8 bytes are the leaf.' })) },
    action: 'audit.read',
    resource: tree.resource,
    async handle(grant, { query: given }, { auditProofs }) {
      const { limit, after } = pageRequest(given);
      const from = Number(after ?? given.from ?? 0);
      const items = await auditProofs.entries(tree.treeOf(grant), from, limit);
      return { status: 200, body: { items: [...items], nextCursor: items.length < limit ? null : String(from + items.length) } };
    },
  });
}
