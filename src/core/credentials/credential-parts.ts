import type { Bus } from '../../ports/bus.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { CredentialEvents } from './credential-events.ts';
import { IntentFinisher } from './intent-finisher.ts';
import { Leftovers } from './leftovers.ts';
import { type CredentialLimits, defaultLimits } from './limits.ts';
import { MoveArrivals } from './move-arrivals.ts';
import { type MayReach, namesOnly } from './registered-address.ts';
import { RecordWriter } from './record-writer.ts';
import type { StepHook } from './steps.ts';
import type { Stores } from './store-errors.ts';
import { ValueWrites } from './value-writes.ts';
import type { WaitingValues } from '../stores/waiting-values.ts';

/** What everything that changes credentials is given. */
export interface CredentialDependencies {
  readonly records: CredentialRepository;
  readonly stores: Stores;
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: RandomBytes;
  /** 32 bytes; digests over fields are keyed with it. */
  readonly digestKey: Buffer;
  readonly waiting: WaitingValues;
  readonly limits?: CredentialLimits;
  /** Which hosts of their own tenants may register; left out: names only. */
  readonly mayReach?: MayReach;
  /** For tests that stop at a step. */
  readonly step?: StepHook;
}

/** What the operations on credentials and the reconciler share. */
export interface CredentialParts {
  readonly writer: RecordWriter;
  readonly finisher: IntentFinisher;
  readonly leftovers: Leftovers;
  readonly events: CredentialEvents;
  readonly writes: ValueWrites;
  readonly arrivals: MoveArrivals;
  readonly waiting: WaitingValues;
  readonly stores: Stores;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: CredentialLimits;
  readonly mayReach: MayReach;
  readonly step: StepHook;
}

export function credentialParts(dependencies: CredentialDependencies): CredentialParts {
  const { records, stores, catalog, bus, clock, log, random, digestKey, waiting, limits = defaultLimits, mayReach = namesOnly, step = () => undefined } = dependencies;
  const writer = new RecordWriter({ records, bus });
  const events = new CredentialEvents({ log, catalog });
  const writes = new ValueWrites({ writer, clock, log, limits, random, digestKey });
  const arrivals = new MoveArrivals({ writer, writes, stores, events, clock, limits, step });
  return {
    writer,
    events,
    writes,
    arrivals,
    waiting,
    finisher: new IntentFinisher({ writer, stores, events, arrivals, clock, limits, step }),
    leftovers: new Leftovers({ writer, stores, clock, step }),
    stores,
    catalog,
    clock,
    log,
    limits,
    mayReach,
    step,
  };
}
