import { KeyholdError } from '../../../ports/errors.ts';
import { platformScope, tenantScope } from '../../../ports/scope.ts';
import type { SecretName } from '../../../ports/secret-store.ts';

/** https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#objects-identifiers-and-versioning */
const LONGEST_NAME = 127;
const PREFIX = 'ai-provider';
/** What an id looks like that can stand in the name as it is: no two hyphens side by side, since those begin an appended part. */
const PLAIN = /^[a-z0-9]+(?:-[a-z0-9]+)*$/u;
/** The words that end a provider's id within the name. */
const SCOPE_WORDS = new Set(['system', 'tenant']);
/** What an empty id is encoded as. */
const NOTHING = '-xx';
const ENCODED = '(?:[a-z0-9]|-[0-9a-f]{2})+|-xx';
const PARTS = new RegExp(`^${PREFIX}-(?<base>[a-z0-9]+(?:-[a-z0-9]+)*)(?:--provider-(?<provider>${ENCODED}))?(?:--id-(?<id>${ENCODED}))?(?:--label-(?<label>${ENCODED}))?$`, 'u');

/**
 * What a secret is called in Key Vault (R1.3): `ai-provider-{provider}-system`, `ai-provider-{provider}-tenant-{tenantId}`. Another label than
 * `default` and ids that cannot stand there as they are come after it, each after `--` and a word that says what it is:
 * `ai-provider-openai-tenant-acme--label-eu`, `ai-provider-openai-tenant--id-acme-2eio`. Lower case only, since Azure compares without
 * case; two names never meet, since `nameOfSecret` gives each back.
 */
export function secretNameInAzure({ scope, service, label }: SecretName): string {
  const isPlainService = isPlainProvider(service);
  const parts = [
    [PREFIX, ...(isPlainService ? [service] : []), ...(scope.kind === 'platform' ? ['system'] : ['tenant', ...(PLAIN.test(scope.tenant) ? [scope.tenant] : [])])].join('-'),
    ...(isPlainService ? [] : [`provider-${encoded(service)}`]),
    ...(scope.kind === 'tenant' && !PLAIN.test(scope.tenant) ? [`id-${encoded(scope.tenant)}`] : []),
    ...(label === 'default' ? [] : [`label-${encoded(label)}`]),
  ];
  return parts.join('--');
}

/** The name, if Azure takes one so long. Throws `invalid_argument` with what to do. */
export function checkedSecretName(name: SecretName): string {
  const inAzure = secretNameInAzure(name);
  if (inAzure.length <= LONGEST_NAME) return inAzure;
  throw new KeyholdError(
    'invalid_argument',
    `Failed to store credentials: the secret's name would have ${inAzure.length} characters, and Azure Key Vault takes ${LONGEST_NAME}. Choose a shorter label${name.scope.kind === 'tenant' ? ', or a tenant with a shorter id' : ''}. Letters and digits take one character each, anything else three.`,
  );
}

/** Whose secret it is; undefined for a name that `secretNameInAzure` does not make. Upper case is taken as lower case. */
export function nameOfSecret(inAzure: string): SecretName | undefined {
  const { base = '', provider, id, label } = PARTS.exec(inAzure.toLowerCase())?.groups ?? {};
  const words = base.split('-');
  const at = words.findIndex((word) => SCOPE_WORDS.has(word));
  if (at === -1) return undefined;
  const name: SecretName = {
    scope: words[at] === 'system' ? platformScope : tenantScope(id === undefined ? words.slice(at + 1).join('-') : decoded(id)),
    service: provider === undefined ? words.slice(0, at).join('-') : decoded(provider),
    label: label === undefined ? 'default' : decoded(label),
  };
  // Only what comes out again as the very same name was ours: everything else is somebody's own secret.
  return secretNameInAzure(name) === inAzure.toLowerCase() ? name : undefined;
}

/** Whether a name is where credentials lie, were it one of ours or not. */
export function looksLikeCredential(inAzure: string): boolean {
  return inAzure.toLowerCase().startsWith(`${PREFIX}-`);
}

function isPlainProvider(service: string): boolean {
  return PLAIN.test(service) && !service.split('-').some((word) => SCOPE_WORDS.has(word));
}

/** Lower-case letters and digits as they are, every other byte as a hyphen and two hex digits; so no two hyphens ever follow one another. */
function encoded(id: string): string {
  if (id === '') return NOTHING;
  return id.replaceAll(/[^a-z0-9]/gu, (character) => [...Buffer.from(character, 'utf8')].map((byte) => `-${byte.toString(16).padStart(2, '0')}`).join(''));
}

function decoded(text: string): string {
  if (text === NOTHING) return '';
  const bytes = text.replaceAll(/-(?<hex>[\da-f]{2})/gu, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
