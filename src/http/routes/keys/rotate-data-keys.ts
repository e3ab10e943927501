import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, tenantId } from '../../schemas/fields.ts';
import { dataRotationBody, dataRotationSchema } from '../../schemas/keys.ts';

/** S14: after a compromise. A job does it, while requests run. */
export const rotateDataKeys = guardedRoute({
  method: 'POST',
  url: '/api/v1/platform/keys/rotate-data',
  summary: 'Seal everything again under new data keys, of one tenant or of all, and destroy the old ones',
  tag: 'Keys',
  statuses: [202],
  schema: { body: Type.Object({ tenant: Type.Optional(tenantId) }, closed), answer: dataRotationSchema },
  bodyOptional: true,
  action: 'data-keys.rotate',
  resource: platform,
  async handle(grant, { body: { tenant = null } }, { dataKeyRotation }) {
    return { status: 202, body: dataRotationBody(await dataKeyRotation.begin(grant, tenant)) };
  },
});
