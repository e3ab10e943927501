import { describe, expect, it } from 'vitest';
import { asUnavailable as asAzureUnavailable, AzureFailure, type AzureTrouble } from '../../adapters/azure/azure-failure.ts';
import { asUnavailable as asVaultUnavailable, VaultFailure, type VaultTrouble } from '../../adapters/vault/vault-failure.ts';
import { type ErrorCode, KeyholdError, type OutageReason } from '../../ports/errors.ts';
import { notStored, OwnVaultRefusal, withoutOurRefusal } from '../credentials/store-errors.ts';
import { InstallationSealed } from '../access/installation-sealed.ts';
import { ValueGone } from './credential-values.ts';
import { outageRule } from './stale-table.ts';

const serves = true;
const ends = false;

const byCode: Readonly<Record<Exclude<ErrorCode, 'unavailable'>, boolean>> = {
  timeout: serves,
  invalid_argument: ends,
  unauthenticated: ends,
  permission_denied: ends,
  not_found: ends,
  already_exists: ends,
  conflict: ends,
  precondition_failed: ends,
  payload_too_large: ends,
  no_credential: ends,
  rate_limited: ends,
  budget_exceeded: ends,
  canceled: ends,
  internal: ends,
  corrupt: ends,
  unsupported: ends,
  upstream_failed: ends,
};

const byReason: Readonly<Record<OutageReason, boolean>> = { network: serves, timeout: serves, failing: serves, sealed: serves, busy: serves, resting: serves, refused: ends, strange: ends };

const vault: Readonly<Record<VaultTrouble, boolean>> = {
  unreachable: serves,
  silent: serves,
  broken: serves,
  'not-vault': serves,
  moved: serves,
  sealed: serves,
  'not-initialized': serves,
  standby: serves,
  leaderless: serves,
  removed: serves,
  away: serves,
  failing: serves,
  busy: serves,
  behind: serves,
  'no-engine': ends,
  resting: serves,
  refused: ends,
  closed: serves,
};

const azure: Readonly<Record<AzureTrouble, boolean>> = {
  unreachable: serves,
  silent: serves,
  broken: serves,
  'not-azure': serves,
  challenge: serves,
  'no-identity': serves,
  'authority-away': serves,
  refused: ends,
  firewall: serves,
  busy: serves,
  failing: serves,
  resting: serves,
  strange: ends,
  closed: serves,
};

function rows<Word extends string>(table: Readonly<Record<Word, boolean>>): readonly { readonly word: Word; readonly stale: boolean }[] {
  return (Object.keys(table) as Word[]).map((word) => ({ word, stale: table[word] }));
}

describe('what may serve beyond its time (DESIGN «Stale serving»)', () => {
  it.each(rows(byCode))('after $word: $stale', ({ word, stale }) => {
    expect(outageRule(new KeyholdError(word, 'for a test')).stale).toBe(stale);
  });

  it.each(rows(byReason))('after unavailable, $word: $stale', ({ word, stale }) => {
    expect(outageRule(new KeyholdError('unavailable', 'for a test', { outage: word })).stale).toBe(stale);
  });

  it.each(rows(vault))('while Vault is $word: $stale', ({ word, stale }) => {
    expect(outageRule(asVaultUnavailable(new VaultFailure(word, { mayHaveHappened: false }))).stale).toBe(stale);
  });

  it.each(rows(azure))('while Azure Key Vault is $word: $stale', ({ word, stale }) => {
    expect(outageRule(asAzureUnavailable(new AzureFailure(word, { mayHaveHappened: false }))).stale).toBe(stale);
  });

  it('without the database, or the audit log in it: true', () => {
    expect(outageRule(new KeyholdError('unavailable', 'The database cannot answer now.')).stale).toBe(true);
  });

  it.each([
    ['a store that denies us, after a fresh sign-in', withoutOurRefusal(new KeyholdError('permission_denied', 'no policy'))],
    ['an own vault that denies us', withoutOurRefusal(new OwnVaultRefusal('no policy'))],
    ['a store that denies us, as a put tells it', notStored(new KeyholdError('permission_denied', 'no policy'))],
    ['a value that is gone', new ValueGone(undefined)],
    ['a sealed installation', new InstallationSealed()],
    ['an error that is nobody\'s', new TypeError('a mistake')],
  ])('after %s: false', (_what, error) => {
    expect(outageRule(error)).toEqual({ stale: false, opens: false, repeat: false });
  });

  it.each(['busy', 'resting', 'timeout', 'sealed', 'refused'] as const)('R1.4 %s is not asked again at once', (outage) => {
    expect(outageRule(new KeyholdError('unavailable', 'for a test', { outage })).repeat).toBe(false);
  });
});
