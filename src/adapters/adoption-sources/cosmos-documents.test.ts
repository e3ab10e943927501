import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cosmosKey, type CosmosServer, startCosmosServer } from '../../../test/support/servers/cosmos.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { documentsInCosmos } from './cosmos-documents.ts';

let server: CosmosServer;
const key = new SecretValue(cosmosKey);

beforeAll(async () => {
  server = await startCosmosServer();
  const documents = Array.from({ length: 1_203 }, (_, index) => ({ id: String(index), tenantId: `t${index % 7}`, provider: 'openai', encryptedApiKey: `fake-${index}`, other: 'never asked for', ...(index % 2 === 0 ? { endpoint: 'https://x' } : {}) }));
  await server.fill('app', 'credentials', documents);
});
afterAll(async () => server.close());

describe('R6.3: documents in Cosmos DB', () => {
  it('are read page by page, with what is asked for and nothing else', async () => {
    const documents = await documentsInCosmos({ endpoint: server.endpoint, key, database: 'app', container: 'credentials' });
    expect(documents).toHaveLength(1_203);
    expect(new Set(documents.flatMap((document) => Object.keys(document as object)))).toEqual(new Set(['tenantId', 'provider', 'encryptedApiKey', 'endpoint']));
    expect(new Set(documents.map((document) => (document as { encryptedApiKey: string }).encryptedApiKey)).size).toBe(1_203);
  });

  it('are told from a container that is not there', async () => {
    await expect(documentsInCosmos({ endpoint: server.endpoint, key, database: 'app', container: 'missing' })).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining('no container app/missing') });
  });

  it('are told from an account that does not answer, without what was sent', async () => {
    const error = await documentsInCosmos({ endpoint: 'https://127.0.0.1:9/', key, database: 'app', container: 'x' }).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({ exitCode: 1, message: expect.stringContaining('did not answer') });
    expect(error).not.toHaveProperty('cause');
  });

  it.each(['http://example.com/', 'ftp://x', 'nonsense'])('are asked for over https alone: %s', async (endpoint) => {
    await expect(documentsInCosmos({ endpoint, key, database: 'app', container: 'x' })).rejects.toMatchObject({ exitCode: 2 });
  });
});
