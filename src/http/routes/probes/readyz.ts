import { Type } from 'typebox';
import { openRoute } from '../../route.ts';

/** Whether requests can be served, without hosts or error texts (S35). Still 200 while cached keys serve on without the database. */
export const readyz = openRoute({
  method: 'GET',
  url: '/readyz',
  summary: 'Tell whether requests can be served',
  tag: 'Probes',
  statuses: [200, 503],
  schema: { answer: Type.Object({ ready: Type.Boolean(), degraded: Type.Array(Type.String(), { description: 'What does not work as it should.' }) }) },
  async handle({ readiness }) {
    const { ready, degraded } = await readiness.report();
    return { status: ready ? 200 : 503, body: { ready, degraded: [...degraded] } };
  },
});
