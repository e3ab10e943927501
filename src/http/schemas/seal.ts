import { type Static, Type } from 'typebox';
import type { SealView } from '../../core/access/installation-seal.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { instantText } from '../rfc3339.ts';
import { etag, instant, nullableText } from './fields.ts';

export const sealSchema = Type.Object({
  sealed: Type.Boolean({ description: 'Whether all use of keys is stopped.' }),
  reason: nullableText,
  changedAt: instant,
  changedBy: Type.String({ description: 'the id of the token that sealed or unsealed it last.' }),
  etag,
});

export function sealBody(view: SealView): Static<typeof sealSchema> {
  return { ...view, etag: entityTag(view.etag), changedAt: instantText(view.changedAt) };
}
