import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { dataRotationBody, dataRotationSchema } from '../../schemas/keys.ts';

/** The rotation of data keys that is under way, or the last one. */
export const showDataRotation = guardedRoute({
  method: 'GET',
  url: '/api/v1/platform/keys/data-rotation',
  summary: 'Show how far the last rotation of data keys is',
  tag: 'Keys',
  statuses: [200],
  schema: { answer: dataRotationSchema },
  action: 'data-keys.read',
  resource: platform,
  async handle(grant, _input, { dataKeyRotation }) {
    return { status: 200, body: dataRotationBody(await dataKeyRotation.last(grant)) };
  },
});
