import { type Static, Type } from 'typebox';
import type { AuditRowView } from '../../core/audit/audit-row-view.ts';
import { ID_PATTERN } from '../names.ts';
import { closed, instant, nullable, nullableText } from './fields.ts';
import { pageQuery } from './page.ts';
import { periodQuery } from './usage.ts';

export const auditRow = Type.Object({
  id: Type.String(),
  time: instant,
  phase: Type.Enum(['intent', 'outcome']),
  intentId: Type.String(),
  action: Type.String(),
  actor: Type.Object({ kind: Type.Enum(['token', 'gateway-key', 'user', 'certificate', 'system', 'anonymous']), id: Type.String(), role: Type.String() }),
  tenant: nullableText,
  resource: Type.String(),
  outcome: Type.Unsafe<AuditRowView['outcome']>({ type: ['string', 'null'], enum: ['ok', 'denied', 'failed', null], description: 'null on an intent.' }),
  code: nullableText,
  requestId: nullableText,
});

const hash = Type.String({ description: '32 bytes, base64.' });
const size = Type.Integer({ minimum: 0 });

export const auditCheckpoint = Type.Object({
  origin: Type.String({ description: 'the tree\'s name.' }),
  size,
  rootHash: hash,
  checkpoint: Type.String({ description: 'the head as a signed note (c2sp.org/tlog-checkpoint): keep it where nobody of Keyhold\'s machine can change it.' }),
  key: Type.String({ description: 'the public key that has signed it, as a verifier key (c2sp.org/signed-note). To verify, use one that you got another way.' }),
  keyChanges: Type.Array(Type.String(), { description: 'notes signed by the key before and the key after, the oldest first.' }),
  witness: Type.Optional(
    Type.Object(
      {
        name: Type.String(),
        size: nullable(size),
        checkpoint: { ...nullableText, description: 'the last head that the witness has signed, too, with its cosignature (c2sp.org/tlog-cosignature).' },
        signedAt: nullable(instant),
        failure: { ...nullableText, description: 'why the newest head was not signed, and what to do.' },
      },
      { description: 'of the log itself, where a witness is set.' },
    ),
  ),
});

export const auditProof = Type.Object({
  kind: Type.Enum(['inclusion', 'consistency']),
  id: Type.Optional(Type.String()),
  index: Type.Optional(size),
  entry: Type.Optional(Type.String({ description: 'the row as it is hashed, to the byte (UTF-8).' })),
  from: Type.Optional(size),
  to: size,
  hashes: Type.Array(hash, { description: 'RFC 6962, sections 2.1.1 and 2.1.2.' }),
  checkpoint: Type.String({ description: 'the present head; an inclusion proof leads to its root.' }),
});

const position = Type.String({ description: 'a whole number.', pattern: '^(0|[1-9][0-9]{0,14})$' });

export const auditProofQuery = Type.Object(
  {
    id: Type.Optional(Type.String({ description: 'a row\'s id: shows that it stands in the log.', pattern: ID_PATTERN })),
    from: Type.Optional({ ...position, description: 'an earlier size, from a checkpoint: shows that the log goes on from it.' }),
    to: Type.Optional({ ...position, description: 'a later size; the present one without it.' }),
  },
  closed,
);

export type AuditRowBody = Static<typeof auditRow>;

export const auditQuery = {
  ...pageQuery,
  ...periodQuery,
  action: Type.Optional(Type.String({ description: 'an action, for example credential.put.', pattern: '^[a-z-]+\\.[a-z_-]+$', maxLength: 64 })),
  actor: Type.Optional(Type.String({ description: 'the id of a token or gateway key.', pattern: '^[A-Za-z0-9._-]+$', maxLength: 64 })),
};

export function auditRowBody(view: AuditRowView): AuditRowBody {
  return { ...view, actor: { ...view.actor } };
}
