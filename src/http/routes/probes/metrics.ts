import { Type } from 'typebox';
import { openRoute } from '../../route.ts';

/** Prometheus metrics: open while only this machine can ask, otherwise for any platform token (S35). */
export const metrics = openRoute({
  method: 'GET',
  url: '/metrics',
  summary: 'Show metrics in the Prometheus text format',
  tag: 'Probes',
  statuses: [200],
  schema: { answer: Type.String() },
  mediaType: 'text/plain',
  guardedOffLoopback: 'metrics.read',
  async handle(services) {
    const { contentType, body } = await services.metrics.render();
    return { status: 200, body, contentType };
  },
});
