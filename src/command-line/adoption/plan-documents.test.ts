import { describe, expect, it } from 'vitest';
import { gcm, token } from '../../../test/support/adoption-world.ts';
import { planDocuments } from './plan-documents.ts';
import { renamesIn } from './renames.ts';

const PLAIN = 'sk-test-in-the-clear-0123456789';
const plan = (documents: readonly unknown[], tenant: readonly string[] = [], service: readonly string[] = []) => planDocuments(documents, renamesIn({ tenant, service }));
const document = { tenantId: 'acme', provider: 'openai', encryptedApiKey: gcm.value };

describe('R6.3: documents of an earlier system', () => {
  it('ask for what they say, and for nothing else that stands in them', () => {
    const settings = { endpoint: 'https://x.openai.azure.com', deploymentMappings: { a: 'b' } };
    expect(plan([{ ...document, id: '1', _rid: 'x', ...settings }]).items).toEqual([
      { from: 'document 1', tenant: 'acme', service: 'openai', label: 'default', body: { legacyValue: gcm.value, encryption: 'cipher', settings } },
    ]);
    expect(plan([{ ...document, endpoint: null, deploymentMappings: {} }]).items[0]?.body.settings).toEqual({});
    expect(plan([{ ...document, endpoint: '', encryptedApiKey: ` ${token.token}\n` }]).items[0]?.body).toEqual({ legacyValue: token.token, encryption: 'fernet', settings: {} });
    expect(plan([{ ...document, encryptedApiKey: 'ai-provider-openai-tenant-ACME' }]).items[0]?.body).toEqual({
      inStore: 'azure-key-vault',
      place: 'ai-provider-openai-tenant-ACME',
      settings: {},
    });
  });

  it('take the names that they are given here', () => {
    const { items, left } = plan([{ ...document, tenantId: 'ACME=Inc', provider: 'azure' }], ['ACME=Inc=acme'], ['azure=azure-openai']);
    expect([items, left]).toMatchObject([[{ tenant: 'acme', service: 'azure-openai' }], []]);
    expect(() => plan([], ['acme'])).toThrow('--tenant takes');
  });

  it.each([
    ['a key in the clear', { ...document, encryptedApiKey: PLAIN }],
    ['one that could be a name in Azure', { ...document, encryptedApiKey: 'sk-abc-0123456789' }],
    ['no key', { tenantId: 'acme', provider: 'openai' }],
    ['a key that is no text', { ...document, encryptedApiKey: { iv: 1 } }],
    ['no tenant', { ...document, tenantId: undefined }],
    ['a tenant that cannot be', { ...document, tenantId: 'ACME Inc' }],
    ['a provider that cannot be', { ...document, provider: 'Open AI' }],
    ['no document', 'acme'],
    ['null', null],
  ])('are refused with a line each, which shows no value: %s', (_what, wrong) => {
    const { items, left } = plan([wrong]);
    expect(items).toEqual([]);
    expect(left).toMatchObject([{ from: 'document 1', reason: expect.stringMatching(/.{20}/u) }]);
    expect(JSON.stringify(left)).not.toMatch(/sk-/u);
  });

  it('are all refused where several are about one credential', () => {
    const { items, left } = plan([document, { ...document, tenantId: 'globex' }, { ...document, encryptedApiKey: token.token }]);
    expect(items).toMatchObject([{ from: 'document 2' }]);
    expect(left.map(({ from, reason }) => [from, reason])).toEqual([
      ['document 1', expect.stringContaining('document 1, document 3')],
      ['document 3', expect.stringContaining('document 1, document 3')],
    ]);
  });
  it('are told apart in time, however many are about one credential or however long one of them is', () => {
    const many = plan(Array.from({ length: 50_000 }, () => document));
    expect(many.left).toHaveLength(50_000);
    expect(plan([{ ...document, encryptedApiKey: `gAAAA${'A'.repeat(10_000_000)}` }]).left).toMatchObject([{ outcome: 'refused' }]);
  });
});
