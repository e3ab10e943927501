import { createServer } from 'node:http';

/** The part of a Kubernetes API server that vouches for service accounts' tokens, for Vault's Kubernetes auth. */
export interface TokenReviewServer {
  readonly url: string;
  /** A token of this service account as Kubernetes projects it into a pod. */
  issue(account: { readonly namespace: string; readonly name: string }, audience: string): string;
  close(): Promise<void>;
}

interface Claims {
  readonly sub: string;
  readonly aud: readonly string[];
}

export async function startTokenReviewServer(): Promise<TokenReviewServer> {
  const issued = new Map<string, Claims>();
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.once('end', () => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Vault's own client writes this
      const { spec } = JSON.parse(text) as { spec: { token: string; audiences?: string[] } };
      const claims = issued.get(spec.token);
      const asked = spec.audiences ?? claims?.aud ?? [];
      const isFor = claims?.aud.filter((audience) => asked.includes(audience)) ?? [];
      const status = claims === undefined || isFor.length === 0 ? { authenticated: false, error: 'unknown token' } : { authenticated: true, user: { username: claims.sub, uid: 'account-uid', groups: [] }, audiences: isFor };
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec, status }));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    issue: ({ namespace, name }, audience) => {
      const claims = {
        iss: 'https://kubernetes.default.svc.cluster.local',
        sub: `system:serviceaccount:${namespace}:${name}`,
        aud: [audience],
        exp: Math.floor(Date.now() / 1000) + 3600,
        iat: Math.floor(Date.now() / 1000),
        jti: String(issued.size),
        'kubernetes.io': { namespace, serviceaccount: { name, uid: 'account-uid' } },
      };
      const token = [{ alg: 'RS256', kid: 'test' }, claims, 'signature'].map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')).join('.');
      issued.set(token, claims);
      return token;
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
