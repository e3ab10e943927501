import { asKeyholdError } from '../../ports/errors.ts';
import { type TrialStep, type TrialStepName, trialSteps } from '../../ports/own-vault.ts';

/** Why a step failed, in words for the tenant's administrator. */
export class TrialFailure extends Error {
  readonly grant: string | undefined;

  constructor(reason: string, { grant, cause }: { readonly grant?: string | undefined; readonly cause?: unknown } = {}) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = 'TrialFailure';
    this.grant = grant;
  }
}

export type TrialWork = Readonly<Record<TrialStepName, () => Promise<void>>>;

/** Without these nothing that comes after them can work. The others are tried each for itself, so that one trial shows all that is missing. */
const NEEDED_BY_ALL: ReadonlySet<TrialStepName> = new Set(['address', 'sign-in', 'write']);

/** Goes through the steps up to `last`. */
export async function runTrial(work: TrialWork, last: TrialStepName): Promise<readonly TrialStep[]> {
  const steps: TrialStep[] = [];
  let isStopped = false;
  for (const step of trialSteps) {
    if (isStopped) {
      steps.push({ step, outcome: 'not-tried' });
    } else {
      const result = await tried(step, work[step]);
      steps.push(result);
      isStopped = (result.outcome === 'failed' && NEEDED_BY_ALL.has(step)) || step === last;
    }
  }
  return steps;
}

async function tried(step: TrialStepName, work: () => Promise<void>): Promise<TrialStep> {
  try {
    await work();
    return { step, outcome: 'ok' };
  } catch (error) {
    if (error instanceof TrialFailure) return { step, outcome: 'failed', reason: error.message, ...(error.grant === undefined ? {} : { grant: error.grant }) };
    return { step, outcome: 'failed', reason: asKeyholdError(error).publicMessage };
  }
}
