import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { migrationBody, migrationSchema } from '../../schemas/migration.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

/** R3.4: what an earlier system has encrypted goes into the store for new keys; the old value serves until the new one has been read back. */
export function migrateCredential(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: `${owner.base}/:service/migrate`,
    summary: `Rewrite ${owner.whose} key that an earlier system has encrypted into the store for new keys`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, answer: migrationSchema },
    action: 'credential.migrate',
    resource: (request) => owner.credential(request),
    async handle(grant, _input, { legacyMigration }) {
      return { status: 200, body: migrationBody(await legacyMigration.migrate(grant)) };
    },
  });
}

/** What `migrate` would do: the value is read, and stays where it is. */
export function previewMigration(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: `${owner.base}/:service/migrate/preview`,
    summary: `Show what migrating ${owner.whose} key would do`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, answer: migrationSchema },
    action: 'credential.preview',
    resource: (request) => owner.credential(request),
    async handle(grant, _input, { legacyMigration }) {
      return { status: 200, body: migrationBody(await legacyMigration.preview(grant)) };
    },
  });
}
