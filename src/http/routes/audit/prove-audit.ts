import { KeyholdError } from '../../../ports/errors.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { auditProof, auditProofQuery } from '../../schemas/audit.ts';
import type { AuditTree } from './tree.ts';

/** R0.2: that a row stands in the log (`id`), or that the log goes on from an earlier head of it (`from`). */
export function proveAudit(tree: AuditTree): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: `${tree.base}/proof`,
    summary: `Prove that a row stands in ${tree.whose}, or that it goes on from an earlier head`,
    tag: 'Audit',
    statuses: [200],
    schema: { params: tree.params, query: auditProofQuery, answer: auditProof },
    action: 'audit.read',
    resource: tree.resource,
    async handle(grant, { query: { id, from, to } }, { auditProofs }) {
      const name = tree.treeOf(grant);
      if (id !== undefined && from === undefined && to === undefined) {
        const { index, entry, hashes, head } = await auditProofs.inclusion(name, id);
        return { status: 200, body: { kind: 'inclusion' as const, id, index, entry, to: head.size, hashes: texts(hashes), checkpoint: head.note } };
      }
      if (id === undefined && from !== undefined) {
        const { hashes, head, ...sizes } = await auditProofs.consistency(name, Number(from), to === undefined ? undefined : Number(to));
        return { status: 200, body: { kind: 'consistency' as const, ...sizes, hashes: texts(hashes), checkpoint: head.note } };
      }
      throw new KeyholdError('invalid_argument', 'Say what is to be proven: ?id=<a row\'s id>, or ?from=<the size of an earlier checkpoint>, with &to=<a later size> if it is not the present one.');
    },
  });
}

function texts(hashes: readonly Buffer[]): string[] {
  return hashes.map((hash) => hash.toString('base64'));
}
