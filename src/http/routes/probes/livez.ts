import { Type } from 'typebox';
import { openRoute } from '../../route.ts';

/** The process is alive: it can answer. Whether it can serve, /readyz tells. */
export const livez = openRoute({
  method: 'GET',
  url: '/livez',
  summary: 'Tell whether the process is alive',
  tag: 'Probes',
  statuses: [200],
  schema: { answer: Type.Object({ live: Type.Boolean() }) },
  async handle() {
    return { status: 200, body: { live: true } };
  },
});
