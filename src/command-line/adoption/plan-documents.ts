import { DEFAULT_LABEL } from '../../core/credentials/credential-key.ts';
import { looksLikeFernet } from '../../core/crypto/legacy/fernet.ts';
import { looksLikeLegacyText } from '../../core/crypto/legacy/legacy-text.ts';
import type { AdoptionBody, AdoptionItem, AdoptionPlan, LeftItem } from './adoption-item.ts';

const TENANT_ID = /^[a-z0-9][a-z0-9._-]{0,62}$/u;
const SERVICE_ID = /^[a-z0-9-]{1,40}$/u;
const KEY_VAULT_NAME = /^ai-provider-[0-9A-Za-z-]{1,115}$/u;

/** Other names than those in the documents. */
export interface Renames {
  readonly tenants: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
}

/**
 * What the documents `{tenantId, provider, encryptedApiKey, endpoint, deploymentMappings}` of an earlier system ask for (R6.3). What a document does not say
 * clearly is refused, and so is every one of several about the same credential: which of them counts is not ours to choose.
 */
export function planDocuments(documents: readonly unknown[], renames: Renames): AdoptionPlan {
  const read = documents.map((document, index) => readDocument(document, `document ${index + 1}`, renames));
  const named = Map.groupBy(read, ({ tenant, service }) => `${tenant ?? ''}/${service}`);
  const items: AdoptionItem[] = [];
  const left: LeftItem[] = [];
  for (const one of read) {
    const rivals = named.get(`${one.tenant ?? ''}/${one.service}`) ?? [];
    if ('reason' in one) left.push(one);
    else if (rivals.length > 1) left.push(ambiguous(one, rivals));
    else items.push(one);
  }
  return { items, left };
}

function ambiguous({ body: _body, ...item }: AdoptionItem, rivals: readonly Pick<LeftItem, 'from'>[]): LeftItem {
  const some = rivals.slice(0, 5).map(({ from }) => from);
  return { ...item, outcome: 'refused', reason: `Several documents are about this credential (${some.join(', ')}${rivals.length > some.length ? ' …' : ''}). Leave the right one.` };
}

function readDocument(document: unknown, from: string, renames: Renames): AdoptionItem | LeftItem {
  const { tenantId, provider, encryptedApiKey, endpoint, deploymentMappings } = properties(document);
  const [tenant, service] = [renamed(tenantId, renames.tenants), renamed(provider, renames.services)];
  const refuse = (reason: string): LeftItem => ({ outcome: 'refused', from, tenant: tenant ?? null, service: service ?? '', label: DEFAULT_LABEL, reason });
  if (tenant === undefined || service === undefined) return refuse('tenantId and provider have to be there, as texts.');
  if (!TENANT_ID.test(tenant)) return refuse('No tenant can have this id here: 1 to 63 of a-z, 0-9, dot, underscore and hyphen. Give it another: --tenant \'<its id>=<new id>\'.');
  if (!SERVICE_ID.test(service)) return refuse('No service has this name. Give the right one: --service \'<its name>=<service>\'.');
  const body = typeof encryptedApiKey === 'string' ? valueIn(encryptedApiKey) : undefined;
  if (body === undefined) {
    return refuse('encryptedApiKey is neither iv:salt:ciphertext nor a Fernet token nor the name of a Key Vault secret that begins with ai-provider-. It is not shown, since it may be a key in the clear: store that with PUT.');
  }
  const settings = Object.fromEntries(Object.entries({ endpoint, deploymentMappings }).filter(([, value]) => isGiven(value)));
  return { from, tenant, service, label: DEFAULT_LABEL, body: { ...body, settings } };
}

function valueIn(encryptedApiKey: string): AdoptionBody | undefined {
  const text = encryptedApiKey.trim();
  if (looksLikeFernet(text)) return { legacyValue: text, encryption: 'fernet' };
  if (looksLikeLegacyText(text)) return { legacyValue: text, encryption: 'cipher' };
  return KEY_VAULT_NAME.test(text) ? { inStore: 'azure-key-vault', place: text } : undefined;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(typeof value === 'object' && Object.keys(value).length === 0);
}

function renamed(name: unknown, names: ReadonlyMap<string, string>): string | undefined {
  return typeof name === 'string' && name !== '' ? (names.get(name) ?? name) : undefined;
}

function properties(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
