import type { CredentialStep } from '../credentials/steps.ts';

/** The moments at which a crash leaves a change of keys for the next one to go on with, in order. A hook that is told of them can stop a test exactly there. */
export const keySteps = [
  /** The root key is wrapped anew; nothing of that is kept. */
  'rewrap.wrapped',
  /** Its commitment is pinned where the new wrapper looks for it. */
  'rewrap.pinned',
  /** The record has the new wrapping. */
  'rewrap.kept',
  /** The rotation of data keys is asked for; nothing has been done. */
  'data.begun',
  /** A scope has its new data key. */
  'data.renewed',
  /** A page of values is sealed under it. */
  'data.resealed',
  /** Nothing new comes under the old keys; they are still there. */
  'data.retired',
  'data.destroyed',
  'data.finished',
  /** The tenant's record says which data keys are to be destroyed; none is yet. */
  'shred.noted',
  /** One is destroyed; the record does not say so. */
  'shred.destroyed',
  /** All are, and the record says so; the database's files have not been wiped. */
  'shred.recorded',
  'shred.wiped',
  'shred.certified',
] as const;

export type KeyStep = (typeof keySteps)[number];

/** Called at each step; an operation goes on when it returns, and stops dead when it throws or never resolves. */
export type KeyStepHook = (step: KeyStep) => void | Promise<void>;

/** One hook for all steps that there are. */
export type AnyStepHook = (step: CredentialStep | KeyStep) => void | Promise<void>;
