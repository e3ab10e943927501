import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { CredentialEvents } from './credential-events.ts';
import { IntentFinisher } from './intent-finisher.ts';
import { Leftovers } from './leftovers.ts';
import { type CredentialLimits, defaultLimits } from './limits.ts';
import { RecordWriter } from './record-writer.ts';
import type { StepHook } from './steps.ts';
import type { Stores } from './store-errors.ts';

/** What everything that changes credentials is given. */
export interface CredentialDependencies {
  readonly records: CredentialRepository;
  readonly stores: Stores;
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: CredentialLimits;
  /** For tests that stop at a step. */
  readonly step?: StepHook;
}

/** What the operations on credentials and the reconciler share. */
export interface CredentialParts {
  readonly writer: RecordWriter;
  readonly finisher: IntentFinisher;
  readonly leftovers: Leftovers;
  readonly events: CredentialEvents;
  readonly stores: Stores;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: CredentialLimits;
  readonly step: StepHook;
}

export function credentialParts({ records, stores, catalog, bus, clock, log, limits = defaultLimits, step = () => undefined }: CredentialDependencies): CredentialParts {
  const writer = new RecordWriter({ records, bus });
  const events = new CredentialEvents({ log, catalog });
  return {
    writer,
    events,
    finisher: new IntentFinisher({ writer, stores, events, clock, limits, step }),
    leftovers: new Leftovers({ writer, stores, clock, step }),
    stores,
    catalog,
    clock,
    log,
    limits,
    step,
  };
}
