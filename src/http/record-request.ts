import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../ports/clock.ts';
import type { Log, LogFields } from '../ports/log.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { RequestState } from './serve-route.ts';

/** Asked by machines every few seconds: said at `debug` only. Why `/readyz` says no is said once, by who finds it out. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics', '/api/v1/health']);

interface Recorded {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly state: RequestState;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** One line and one measurement a request, by the route's pattern: addresses hold names, and may hold what does not belong there. */
export function recordRequest({ request, reply, state, clock, log, metrics }: Recorded): void {
  const route = request.routeOptions.url ?? 'unmatched';
  const status = reply.statusCode;
  const durationMs = Math.round((clock.monotonic() - state.startedAt) * 1000) / 1000;
  metrics.controlRequest({ route, method: request.method, status, durationMs });
  const fields: LogFields = { requestId: request.id, method: request.method, route, status, durationMs, code: state.error?.code, ...whoAndWhat(state) };
  if (PROBES.has(route) && (status < 500 || status === 503)) {
    log.debug('request', 'Probe answered', fields);
    return;
  }
  log.info('request', 'Request answered', fields);
  if (status === 500) log.error('request_failed', 'A request failed inside Keyhold', { ...fields, error: state.error });
  // 501 is the caller's to know: nothing failed.
  else if (status > 501) log.warn('request_failed', 'A request could not be served', { ...fields, error: state.error });
}

function whoAndWhat({ principal, resource }: RequestState): LogFields {
  const scope = resource?.scope ?? principal?.actor.scope;
  return {
    ...(principal === undefined ? {} : { actor: principal.actor.id }),
    ...(scope?.kind === 'tenant' ? { tenant: scope.tenant } : {}),
    ...(resource?.service === undefined ? {} : { service: resource.service }),
    ...(resource?.label === undefined ? {} : { label: resource.label }),
  };
}
