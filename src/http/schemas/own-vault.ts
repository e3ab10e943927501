import { type Static, Type } from 'typebox';
import type { PutOwnVault } from '../../core/own-vaults/own-vault-service.ts';
import type { OwnVaultView } from '../../core/own-vaults/own-vault-view.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { type TrialStep, trialSteps } from '../../ports/own-vault.ts';
import { instantText } from '../rfc3339.ts';
import { closed, etag, instant } from './fields.ts';

const kind = Type.Enum(['vault', 'azure-key-vault'], { description: 'vault: HashiCorp Vault or OpenBao. A tenant has one own vault at most.' });
const takesNew = Type.Boolean({ description: 'Whether new values go there, and the present ones move there. false: new ones go to Keyhold\'s own store, and those in the vault move there.' });
const text = (description: string, maxLength = 500) => Type.Optional(Type.String({ description, maxLength }));

const shared = {
  address: text('vault: https://host:port. Changing where the vault is needs its secret again.'),
  namespace: text('vault: as admin/team-a; left out for the root namespace.', 200),
  mount: text('vault: of a KV version 2 engine; secret without one.', 200),
  caCertificate: text('vault: PEM of the CA that its certificate is of, where no public one has signed it.', 65_536),
  url: text('azure-key-vault: https://my-vault.vault.azure.net/'),
  tenantId: text('azure-key-vault: of the directory of the service principal.', 128),
  clientId: text('azure-key-vault: of the service principal.', 128),
};

export const ownVaultInput = Type.Object(
  {
    kind,
    ...shared,
    auth: Type.Optional(
      Type.Object(
        { token: text('Either this,', 8_192), roleId: text('or an AppRole at auth/approle,', 256), secretId: text('with its secret_id.', 8_192) },
        { ...closed, description: 'vault: what Keyhold signs in with. Left out: as before.' },
      ),
    ),
    clientSecret: text('azure-key-vault: of the service principal. Left out: as before.', 8_192),
    takesNew: Type.Optional(takesNew),
  },
  closed,
);

export const forced = Type.Object({ force: Type.Optional(Type.Enum(['true', 'false'], { description: 'true: PUT registers a vault that cannot be signed in to now, DELETE forgets one that still keeps credentials, which are lost to Keyhold.' })) }, closed);

const step = Type.Object({
  step: Type.Enum([...trialSteps]),
  outcome: Type.Enum(['ok', 'failed', 'not-tried']),
  reason: Type.Optional(Type.String({ description: 'What is wrong and what to do.' })),
  grant: Type.Optional(Type.String({ description: 'What grants the missing permission: a policy\'s text, or a command.' })),
});

const shown = {
  kind,
  ...shared,
  auth: Type.Optional(Type.Object({ method: Type.Enum(['token', 'app-role']), roleId: Type.Optional(Type.String()) })),
  hint: Type.String({ description: 'The last characters of what opens it; empty for a short one.' }),
  takesNew,
  createdAt: instant,
  updatedAt: instant,
  etag,
};

export const ownVaultSchema = Type.Object(shown);
export const putOwnVaultSchema = Type.Object({ ...shown, steps: Type.Array(step), moving: Type.Integer({ description: 'How many credentials move within the next minutes.' }) });
export const trialSchema = Type.Object({ ok: Type.Boolean(), steps: Type.Array(step) });

/** An own vault as it is answered: never what opens it. */
export function ownVaultBody({ settings, hint, takesNew: takes, createdAt, updatedAt, etag: tag }: OwnVaultView): Static<typeof ownVaultSchema> {
  return { ...placeBody(settings), hint, takesNew: takes, createdAt: instantText(createdAt), updatedAt: instantText(updatedAt), etag: entityTag(tag) };
}

export function putOwnVaultBody({ view, steps, moving }: PutOwnVault): Static<typeof putOwnVaultSchema> {
  return { ...ownVaultBody(view), steps: [...steps], moving };
}

export function trialBody(steps: readonly TrialStep[]): Static<typeof trialSchema> {
  return { ok: steps.every(({ outcome }) => outcome === 'ok'), steps: [...steps] };
}

function placeBody(settings: OwnVaultView['settings']): Pick<Static<typeof ownVaultSchema>, 'kind' | 'auth' | keyof typeof shared> {
  if (settings.kind === 'azure-key-vault') return { ...settings };
  const { kind: ofKind, address, namespace, mount, roleId, caCertificate } = settings;
  return {
    kind: ofKind,
    address,
    ...(namespace === null ? {} : { namespace }),
    mount,
    auth: roleId === null ? { method: 'token' } : { method: 'app-role', roleId },
    ...(caCertificate === null ? {} : { caCertificate }),
  };
}
