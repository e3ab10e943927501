import type { ControlPlaneServices } from '../../control-plane-services.ts';
import { optionalInstantText } from '../../rfc3339.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { auditCheckpoint } from '../../schemas/audit.ts';
import type { AuditTree } from './tree.ts';

/** R0.2: the signed head. */
export function showAuditCheckpoint(tree: AuditTree): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: `${tree.base}/checkpoint`,
    summary: `Show the signed head of ${tree.whose}`,
    tag: 'Audit',
    statuses: [200],
    schema: { params: tree.params, answer: auditCheckpoint },
    action: 'audit.read',
    resource: tree.resource,
    async handle(grant, _input, { auditProofs, auditWitness }) {
      const name = tree.treeOf(grant);
      const head = await auditProofs.head(name);
      const { origin, size, root, note } = head;
      return {
        status: 200,
        body: { origin, size, rootHash: root.toString('base64'), checkpoint: note, key: String(auditProofs.keyOf(head)), keyChanges: [...(await auditProofs.keyChanges())], ...(name === null ? witnessBody(auditWitness) : {}) },
      };
    },
  });
}

/** Of the log itself alone: it says how large the log is. */
function witnessBody(witness: ControlPlaneServices['auditWitness']) {
  if (witness === null) return {};
  const { name, last, failure } = witness;
  return { witness: { name, size: last?.size ?? null, checkpoint: last?.note ?? null, signedAt: optionalInstantText(last?.at ?? null), failure } };
}
