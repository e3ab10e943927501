import type { SecretClientOptions } from '@azure/keyvault-secrets';

/** A step of the official libraries' way to a vault. */
export type PipelinePolicy = NonNullable<SecretClientOptions['additionalPolicies']>[number]['policy'];

/** What a vault's refusal said besides its status. */
export interface RefusalBody {
  /** `innererror.code`, else `code`. */
  readonly code: string | undefined;
  /** The object id of the identity that was refused. */
  readonly objectId: string | undefined;
}

const CODE = /^[A-Za-z][A-Za-z0-9_]{0,63}$/u;
const OBJECT_ID = /\boid=(?<id>[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\b/iu;

/**
 * Keeps from every refusal the words of Azure's lists, since the library's errors lose them on pages of a list. Nothing else of an answer is
 * kept: it can quote what was sent.
 */
export class RefusalBodies {
  readonly #byRequest = new WeakMap<object, RefusalBody>();

  readonly policy: PipelinePolicy = {
    name: 'keyholdRefusalBodies',
    sendRequest: async (request, next) => {
      const response = await next(request);
      if (response.status >= 400) this.#byRequest.set(request, refusalBody(response.bodyAsText ?? ''));
      return response;
    },
  };

  /** Of the request that an error of the library is about. */
  of(error: unknown): RefusalBody {
    const request = error instanceof Error && 'request' in error ? error.request : undefined;
    return (typeof request === 'object' && request !== null ? this.#byRequest.get(request) : undefined) ?? { code: undefined, objectId: undefined };
  }
}

function refusalBody(text: string): RefusalBody {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { code: undefined, objectId: undefined };
  }
  const error = member(body, 'error');
  const code = member(member(error, 'innererror'), 'code') ?? member(error, 'code');
  const message = member(error, 'message');
  return {
    code: typeof code === 'string' && CODE.test(code) ? code : undefined,
    objectId: typeof message === 'string' ? OBJECT_ID.exec(message)?.groups?.['id'] : undefined,
  };
}

function member(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
