import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { adoptionBody, adoptionBodySchema, adoptionRequest, adoptionSchema } from '../../schemas/adoption.ts';
import { type CredentialOwner, labelQuery } from './owner.ts';

/** R6.3: registers what exists already, without moving it. 201 where it became a credential, 200 where it was one. */
export function adoptCredential(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: `${owner.base}/:service/adopt`,
    summary: `Make ${owner.whose} credential of what exists already, without moving it`,
    tag: owner.tag,
    statuses: [201, 200],
    schema: { params: owner.params, query: labelQuery, body: adoptionBodySchema, answer: adoptionSchema },
    action: 'credential.adopt',
    resource: (request) => owner.credential(request),
    async handle(grant, { body }, { adoption }) {
      const outcome = await adoption.adopt(grant, adoptionRequest(body));
      return { status: outcome.outcome === 'adopted' ? 201 : 200, body: adoptionBody(outcome) };
    },
  });
}

/** What the same request to `adopt` would do. */
export function previewAdoption(owner: CredentialOwner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: `${owner.base}/:service/adopt/preview`,
    summary: `Show what adopting ${owner.whose} credential would do`,
    tag: owner.tag,
    statuses: [200],
    schema: { params: owner.params, query: labelQuery, body: adoptionBodySchema, answer: adoptionSchema },
    action: 'credential.preview',
    resource: (request) => owner.credential(request),
    async handle(grant, { body }, { adoption }) {
      return { status: 200, body: adoptionBody(await adoption.preview(grant, adoptionRequest(body))) };
    },
  });
}
