import { parentPort, workerData } from 'node:worker_threads';
import type { ApiFormat, BodyRules } from '../core/catalog/service.ts';
import { asKeyholdError } from '../ports/errors.ts';
import { compileRules } from './body-rules.ts';
import type { ScanAnswer, ScanTask } from './large-bodies.ts';
import { readFacts } from './read-facts.ts';

/** What large-bodies.ts starts this worker with. */
const rulesOf: Readonly<Record<ApiFormat, BodyRules>> = workerData;
const compiled = { openai: compileRules(rulesOf.openai), anthropic: compileRules(rulesOf.anthropic), azure: compileRules(rulesOf.azure) };

parentPort?.on('message', ({ id, format, bytes }: ScanTask) => {
  parentPort?.postMessage(answer(id, format, bytes), [bytes]);
});

function answer(id: number, format: ApiFormat, bytes: ArrayBuffer): ScanAnswer {
  try {
    return { id, bytes, facts: readFacts(Buffer.from(bytes), compiled[format]), refusal: null };
  } catch (error) {
    const { code, publicMessage } = asKeyholdError(error);
    return { id, bytes, facts: null, refusal: { code, publicMessage } };
  }
}
