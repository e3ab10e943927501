import { type Static, Type } from 'typebox';
import type { JobRun } from '../../../ports/metadata/leases.ts';
import { platform } from '../../names.ts';
import { instantText, optionalInstantText } from '../../rfc3339.ts';
import { guardedRoute } from '../../route.ts';
import { instant, nullable } from '../../schemas/fields.ts';
import { pageOf } from '../../schemas/page.ts';

const replica = Type.String({ description: 'One run of one process; another name after each start.' });

const run = Type.Object({
  replica,
  startedAt: instant,
  endedAt: instant,
  outcome: Type.Enum(['ok', 'failed']),
  code: nullable(Type.String({ description: 'what it failed with, as the code of an error; null when it did not.' })),
});

const job = Type.Object({
  name: Type.String(),
  description: Type.String(),
  runs: Type.Enum(['once', 'each-replica'], { description: 'By one replica for all of them, or by each for itself.' }),
  replica: nullable(replica),
  lastRun: nullable(run),
  nextRunAt: nullable(instant),
});

/** R0.2: what Keyhold does by itself, and which replica does it. */
export const listJobs = guardedRoute({
  method: 'GET',
  url: '/api/v1/jobs',
  summary: 'List the jobs that Keyhold does by itself',
  tag: 'Jobs',
  statuses: [200],
  schema: { answer: pageOf(job) },
  action: 'job.read',
  resource: platform,
  async handle(grant, _input, { jobs }) {
    const items = await jobs.list(grant);
    return {
      status: 200,
      body: {
        items: items.map(({ lastRun, nextRunAt, ...shown }) => ({ ...shown, lastRun: lastRun === null ? null : runBody(lastRun), nextRunAt: optionalInstantText(nextRunAt) })),
        nextCursor: null,
      },
    };
  },
});

function runBody({ replica, startedAt, endedAt, outcome, code }: JobRun): Static<typeof run> {
  return { replica, startedAt: instantText(startedAt), endedAt: instantText(endedAt), outcome, code };
}
