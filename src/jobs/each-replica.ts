import type { JobDescription } from '../core/replicas/job-list.ts';

/** What every replica does for itself, since it is about what that one keeps: these take no lease. */
export const eachReplicaJobs: readonly JobDescription[] = [
  { name: 'deliver-usage', description: 'Carries usage from the replica\'s own journal into the database, each second, and finishes the journals that dead processes have left in the same data folder, or in the database.' },
  { name: 'tend-budgets', description: 'Gives back each second what the replica has leased of budgets and does not need.' },
  { name: 'keep-audit-head', description: 'Keeps the audit log\'s head in the replica\'s own data folder each minute, so that its next start notices an older database.' },
  { name: 'look-at-seal', description: 'Looks every five seconds whether Keyhold was sealed, ahead of the time after which a request would have to wait for that.' },
  { name: 'refresh-own-keys', description: 'Reads the service\'s own keys from Vault again every four minutes: each replica has a copy of its own, in memory.' },
  { name: 'end-first-token', description: 'Removes the file with the first administrator\'s token from the data folder that it is in, once that token has ended.' },
];
