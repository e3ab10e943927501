import * as fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { PlainHistogram } from './plain-histogram.ts';
import { summedMetrics } from './summed-metrics.ts';

const options = { name: 'seconds', help: 'Time.', labelNames: ['service', 'route'], buckets: [0.005, 0.1, 1, 10] };

it('PlainHistogram tells what the library\'s own histogram tells, by itself and summed over processes', async () => {
  const observation = fc.record({ service: fc.constantFrom('a', 'b'), route: fc.constantFrom('a', 'x', 'y'), value: fc.oneof(fc.constantFrom(0, ...options.buckets), fc.integer({ min: 0, max: 20_000 }).map((ms) => ms / 1024)) });
  await fc.assert(
    fc.asyncProperty(fc.array(observation), fc.array(observation), async (here, elsewhere) => {
      const told = await Promise.all(
        [true, false].map(async (isPlain) => {
          const snapshots: unknown[] = [];
          let text = '';
          for (const observed of [here, elsewhere]) {
            const registry = new Registry();
            if (isPlain) {
              const histogram = new PlainHistogram(options);
              registry.registerMetric(histogram);
              for (const { service, route, value } of observed) histogram.add([service, route], value);
            } else {
              const histogram = new Histogram({ ...options, registers: [registry] });
              for (const { service, route, value } of observed) histogram.observe({ service, route }, value);
            }
            text += await registry.metrics();
            snapshots.push(JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())));
          }
          const { body } = await summedMetrics(snapshots);
          return [linesOf(text), linesOf(body)];
        }),
      );
      expect(told[0]).toEqual(told[1]);
    }),
    { numRuns: 50 },
  );
});

/** Labels and lines have no order. */
function linesOf(text: string): readonly string[] {
  return text.split('\n').map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').toSorted().join(',')}}`)).toSorted();
}
