import { KeyholdError } from '../../ports/errors.ts';
import type { PolicyRecord } from '../../ports/metadata/tenants.ts';
import { type Catalog, isAiService } from '../catalog/catalog.ts';
import { defaultPolicy } from './default-policy.ts';

/** A policy as it is put (R0.2). What is left out has its default. */
export interface PolicyInput {
  readonly platformFallback?: boolean | undefined;
  readonly explicitKeys?: boolean | undefined;
  readonly defaultProvider?: string | null | undefined;
  /** Models by service. */
  readonly defaultModels?: Readonly<Record<string, string>> | undefined;
  readonly adoptOutsideChanges?: boolean | undefined;
  readonly validateOnAdd?: boolean | undefined;
  readonly unpricedModels?: string | undefined;
}

const MODEL = /^[\x21-\x7e]{1,200}$/;
const UNPRICED = ['allow', 'refuse', 'charge'];

/**
 * The policy that the input asks for. Throws `unsupported` for what would not be kept to, so that nobody relies on it, and
 * `invalid_argument` for what cannot be.
 */
export function policyFrom(input: PolicyInput, catalog: Catalog): PolicyRecord {
  refuseWhatIsNotKept(input);
  const { platformFallback, explicitKeys, defaultProvider, defaultModels, adoptOutsideChanges } = input;
  return {
    platformFallback: platformFallback ?? defaultPolicy.platformFallback,
    explicitKeys: explicitKeys ?? defaultPolicy.explicitKeys,
    defaultProvider: defaultProvider === undefined || defaultProvider === null ? null : checkedProvider(defaultProvider, 'defaultProvider', catalog),
    defaultModels: checkedModels(defaultModels ?? {}, catalog),
    adoptOutsideChanges: adoptOutsideChanges ?? defaultPolicy.adoptOutsideChanges,
    validateOnAdd: false,
    unpricedModels: 'allow',
  };
}

function refuseWhatIsNotKept({ validateOnAdd, unpricedModels }: PolicyInput): void {
  if (validateOnAdd === true) throw unsupported('validateOnAdd', 'Keys are not tried at their provider when they are added yet. Leave validateOnAdd out or set it to false.');
  if (unpricedModels === undefined || unpricedModels === 'allow') return;
  if (!UNPRICED.includes(unpricedModels)) throw refused('unpricedModels', 'unpricedModels can only be allow.');
  throw unsupported('unpricedModels', 'There are no prices yet, so every model is unpriced and only allow can be kept to. Leave unpricedModels out or set it to allow.');
}

function checkedModels(models: Readonly<Record<string, string>>, catalog: Catalog): Readonly<Record<string, string>> {
  const entries = Object.entries(models);
  for (const [service, model] of entries) {
    checkedProvider(service, 'defaultModels', catalog);
    if (!MODEL.test(model)) throw refused('defaultModels', `The default model of ${service} is 1 to 200 printable ASCII characters without spaces.`);
  }
  return Object.fromEntries(entries);
}

function checkedProvider(id: string, property: string, catalog: Catalog): string {
  const service = catalog.find(id);
  if (service !== undefined && service.gateway !== null && isAiService(service)) return id;
  throw refused(property, `${JSON.stringify(id.slice(0, 64))} is not an AI service that the gateway can call. GET /api/v1/services lists those there are.`);
}

function refused(property: string, message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property } });
}

function unsupported(property: string, message: string): KeyholdError {
  return new KeyholdError('unsupported', `${message} Nothing was changed.`, { details: { property } });
}
