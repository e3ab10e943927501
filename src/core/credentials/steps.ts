/**
 * The moments at which a crash leaves something for somebody else to finish, in the order in which an operation passes them. A
 * hook that is told of them can stop a test exactly there.
 */
export const credentialSteps = [
  /** The intent is in the record; the store has not been asked. */
  'put.begun',
  /** The store has the value; the record still serves the version before. */
  'put.stored',
  /** The new version is the record's; caches have not been told. */
  'put.committed',
  'put.announced',
  /** The record says deleted; caches have not been told. */
  'remove.begun',
  'remove.announced',
  /** The store has removed the value; the intent is still open. */
  'remove.stored',
  'remove.committed',
  'recover.begun',
  'recover.stored',
  'recover.committed',
  'update.committed',
  /** The move's intent is in the record; the store that the value moves to has not been asked. */
  'move.begun',
  /** The value lies in both stores; the record still names the old place. */
  'move.stored',
  /** The value has been read back from the new place, too. */
  'move.verified',
  /** The record names the new place; the old value is still in the old store. */
  'move.committed',
  'move.announced',
  /** A record names a value that was in its store before; caches have not been told. */
  'adopt.committed',
  'adopt.announced',
  'revoke.committed',
  'revoke.announced',
  'purge.committed',
  'purge.announced',
  /** What somebody left open has been proven or repeated in the store; the record does not say so yet. */
  'finish.stored',
  'finish.committed',
  /** A retired version is destroyed in the store; the record still lists it. */
  'leftovers.destroyed',
] as const;

export type CredentialStep = (typeof credentialSteps)[number];

/** Called at each step; an operation goes on when it returns, and stops dead when it throws or never resolves. */
export type StepHook = (step: CredentialStep) => void | Promise<void>;
