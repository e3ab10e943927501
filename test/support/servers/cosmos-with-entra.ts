import type { IncomingMessage, ServerResponse } from 'node:http';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { makeCertificates } from './azure/certificates.ts';
import type { AzureApp, Directory } from './azure/directory.ts';
import { PortListener, readBody, send } from './azure/listener.ts';
import type { CosmosServer } from './cosmos.ts';

/** A Cosmos DB account that takes tokens of Entra, over TLS; this process trusts its certificate. */
export interface CosmosWithEntra {
  readonly endpoint: string;
  /** Who has the role «Cosmos DB Built-in Data Contributor». */
  readonly contributors: Set<AzureApp>;
  close(): Promise<void>;
}

/**
 * Stands before a server that takes anybody: a request needs a token for this account that the directory has signed and that has not run out, and who it is of the role. Nobody makes
 * databases or containers by a token (https://learn.microsoft.com/azure/cosmos-db/nosql/how-to-connect-role-based-access-control).
 */
export async function startCosmosWithEntra(behind: CosmosServer, directory: Directory): Promise<CosmosWithEntra> {
  const certificates = makeCertificates();
  setDefaultCACertificates([...getCACertificates(), certificates.ca]);
  const contributors = new Set<AzureApp>();
  const refuse = (response: ServerResponse, status: number, substatus: number): void => send(response, { status, headers: { 'x-ms-substatus': String(substatus) }, body: { code: 'Forbidden', message: 'Request blocked by Auth' } });
  const listener = new PortListener(async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(request);
    const claims = directory.signer.read(/^type=aad&ver=1\.0&sig=(?<token>[\w.-]+)$/u.exec(decodeURIComponent(request.headers.authorization ?? ''))?.groups?.['token'] ?? '');
    if (claims === undefined || claims['aud'] !== listener.url || Number(claims['exp']) * 1000 < Date.now()) return refuse(response, 401, 0);
    if (![...contributors].some(({ objectId }) => objectId === claims['oid'])) return refuse(response, 403, 5301);
    if (request.method === 'POST' && !/\/docs\/?$/u.test(request.url ?? '')) return refuse(response, 403, 5300);
    const kept = Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name));
    const answer = await fetch(new URL(request.url ?? '/', behind.endpoint), { method: request.method ?? 'GET', headers: kept.map(([name, value]): [string, string] => [name, String(value)]), ...(body === '' ? {} : { body }) });
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !['connection', 'content-length', 'keep-alive', 'transfer-encoding'].includes(name)));
    response.writeHead(answer.status, headers).end(await answer.text());
  }, certificates);
  await listener.restart();
  return { endpoint: `${listener.url}/`, contributors, close: () => listener.kill() };
}
