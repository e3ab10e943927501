import { KeyholdError } from '../../ports/errors.ts';
import type { PolicyRecord } from '../../ports/metadata/tenants.ts';
import { type Catalog, isAiService } from '../catalog/catalog.ts';
import { isTimeZone } from '../budgets/periods.ts';
import { rateFrom, requestPriceFrom } from '../prices/price-texts.ts';
import { defaultPolicy } from './default-policy.ts';

/** What a request is charged whose price is not known: dollars a million tokens, and a request. */
interface UnpricedPriceTexts {
  readonly input: string;
  readonly output: string;
  readonly request?: string | undefined;
}

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
  /** With `charge`, and only with it. */
  readonly unpricedPrice?: UnpricedPriceTexts | null | undefined;
  readonly timeZone?: string | undefined;
}

const MODEL = /^[\x21-\x7e]{1,200}$/;
const UNPRICED = ['allow', 'refuse', 'charge'] as const;

/**
 * The policy that the input asks for. Throws `unsupported` for what would not be kept to, so that nobody relies on it, and
 * `invalid_argument` for what cannot be.
 */
export function policyFrom(input: PolicyInput, catalog: Catalog): PolicyRecord {
  refuseWhatIsNotKept(input);
  const { platformFallback, explicitKeys, defaultProvider, defaultModels, adoptOutsideChanges, timeZone } = input;
  return {
    platformFallback: platformFallback ?? defaultPolicy.platformFallback,
    explicitKeys: explicitKeys ?? defaultPolicy.explicitKeys,
    defaultProvider: defaultProvider === undefined || defaultProvider === null ? null : checkedProvider(defaultProvider, 'defaultProvider', catalog),
    defaultModels: checkedModels(defaultModels ?? {}, catalog),
    adoptOutsideChanges: adoptOutsideChanges ?? defaultPolicy.adoptOutsideChanges,
    validateOnAdd: false,
    ...checkedUnpriced(input),
    timeZone: timeZone === undefined ? defaultPolicy.timeZone : checkedTimeZone(timeZone),
  };
}

function refuseWhatIsNotKept({ validateOnAdd }: PolicyInput): void {
  if (validateOnAdd === true) throw unsupported('validateOnAdd', 'Keys are not tried at their provider when they are added yet. Leave validateOnAdd out or set it to false.');
}

function checkedUnpriced({ unpricedModels = defaultPolicy.unpricedModels, unpricedPrice }: PolicyInput): Pick<PolicyRecord, 'unpricedModels' | 'unpricedPrice'> {
  const known = UNPRICED.find((one) => one === unpricedModels);
  if (known === undefined) throw refused('unpricedModels', `unpricedModels is ${UNPRICED.join(', ')}: what becomes of a request whose price is not known.`);
  if (known !== 'charge') {
    if (unpricedPrice === undefined || unpricedPrice === null) return { unpricedModels: known };
    throw refused('unpricedPrice', 'unpricedPrice counts only where unpricedModels is charge. Leave it out, or set unpricedModels to charge.');
  }
  if (unpricedPrice === undefined || unpricedPrice === null) throw refused('unpricedPrice', 'With unpricedModels: charge, unpricedPrice says what: {"input": "5", "output": "15"}, in dollars a million tokens.');
  const { input, output, request = '0' } = unpricedPrice;
  const price = { input: rateFrom(input, 'unpricedPrice'), output: rateFrom(output, 'unpricedPrice'), request: requestPriceFrom(request, 'unpricedPrice') };
  if (price.input + price.output + price.request === 0) throw refused('unpricedPrice', 'unpricedPrice cannot be nothing at all: then every unknown model would be free. Use unpricedModels: allow for models that are not billed.');
  return { unpricedModels: known, unpricedPrice: price };
}

function checkedTimeZone(name: string): string {
  if (isTimeZone(name)) return name;
  throw refused('timeZone', `${JSON.stringify(name.slice(0, 64))} is not a time zone. Send a name of the IANA's, such as "Europe/Berlin" or "UTC".`);
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
