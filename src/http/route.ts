import type { Static, TSchema } from 'typebox';
import type { Action } from '../core/access/actions.ts';
import type { Actor } from '../core/access/actor.ts';
import type { ClientNetworks } from '../core/access/client-networks.ts';
import type { Grant } from '../core/access/grant.ts';
import type { IdempotentRequest } from '../core/access/idempotency.ts';
import type { Resource } from '../core/access/resource.ts';
import type { TokenKind } from '../core/access/token-text.ts';
import type { IfMatch } from '../core/versions/etag.ts';
import type { ControlPlaneServices } from './control-plane-services.ts';

type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What goes in and what comes out. Properties that are not named are refused on the way in and dropped on the way out. */
export interface RouteSchema {
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** null: no content. */
  readonly answer: TSchema | null;
}

type StaticOf<T> = T extends TSchema ? Static<T> : unknown;

/** A request whose parts fit the route's schema. */
export interface RouteInput<S extends RouteSchema> {
  readonly params: StaticOf<S['params']>;
  readonly query: StaticOf<S['query']>;
  readonly body: StaticOf<S['body']>;
  readonly requestId: string;
  readonly ifMatch: IfMatch | undefined;
  /** On a route that creates, where the request has an `Idempotency-Key` (S27). */
  readonly idempotent: IdempotentRequest | undefined;
}

/** What names the thing that a request is about, before any schema has been checked. */
export interface ResourceRequest {
  readonly actor: Actor;
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** undefined until the body has been read. */
  readonly body: { readonly json: unknown } | undefined;
}

export interface Answer<S extends RouteSchema = RouteSchema> {
  readonly status: number;
  readonly body: StaticOf<S['answer']>;
  /** What changes with the thing. */
  readonly etag?: string | undefined;
  /** Where it is not JSON: the route's media type with its parameters. */
  readonly contentType?: string | undefined;
  /** Where the browser goes on. */
  readonly location?: string | undefined;
  /** What the browser is to keep or forget, as `Set-Cookie` says it. */
  readonly cookies?: readonly string[] | undefined;
}

/** The services, and what only a running control plane knows. */
export interface RouteServices extends ControlPlaneServices {
  /** The API description, from the routes' own schemas. */
  readonly openapi: () => object;
  /** Where gateway keys may be used from. */
  readonly clientNetworks: ClientNetworks;
}

interface RouteCommon<S extends RouteSchema> {
  readonly method: RouteMethod;
  /** As the router takes it: `/api/v1/tenants/:tenant`. */
  readonly url: string;
  readonly summary: string;
  /** The chapter of the API description. */
  readonly tag: string;
  /** The statuses that an answer may have, the usual one first. */
  readonly statuses: readonly [number, ...number[]];
  readonly schema: S;
  /** What kind of text an answer is that is not JSON, for the API description. */
  readonly mediaType?: string;
  /** Makes something new: an `Idempotency-Key` is honoured (R0.3). */
  readonly creates?: boolean;
  /** Honours `If-Match` (R0.3). */
  readonly conditional?: boolean;
  /** Its body is a form, as other services send one, each field once. */
  readonly takesForms?: boolean;
  /** A body is described but may be left out; then it is `{}`. */
  readonly bodyOptional?: boolean;
}

/** A route that asks `Access` before anything else, and runs with the grant it gave. */
export interface GuardedRoute<S extends RouteSchema = RouteSchema> extends RouteCommon<S> {
  readonly kind: 'guarded';
  /** Which kinds of keys sign in here (S22). */
  readonly accepts: readonly TokenKind[];
  readonly action: Action;
  /** The body may name the thing too: `resource` is asked, and its answer checked, once more when the body has been read. */
  readonly namedInBody?: boolean;
  /** Whether a request of this body takes a key out of use and nothing else, where the action does not say so of all (S29). */
  urgent?(body: StaticOf<S['body']>): boolean;
  /**
   * What the request is about; undefined while only the body can tell. Asked before the body is read, so that a stranger is not
   * listened to (S34).
   */
  resource(request: ResourceRequest): Resource | undefined;
  handle(grant: Grant, input: RouteInput<S>, services: RouteServices): Promise<Answer<S>>;
}

/** A request of somebody who is not known yet. */
interface EntryRequest<S extends RouteSchema = RouteSchema> {
  readonly query: StaticOf<S['query']>;
  readonly body: StaticOf<S['body']>;
  readonly requestId: string;
  /** As they came: names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** Where it comes from. */
  readonly address: string;
}

/** A route through which somebody signs in: whoever asks is known at its end, not at its beginning. Its bodies are small, since strangers send them. */
export interface EntryRoute<S extends RouteSchema = RouteSchema> extends RouteCommon<S> {
  readonly kind: 'entry';
  handle(request: EntryRequest<S>, services: RouteServices): Promise<Answer<S>>;
}

/** A route that answers everybody, the same for everybody. */
export interface OpenRoute<S extends RouteSchema = RouteSchema> extends RouteCommon<S> {
  readonly kind: 'open';
  /** Where the listener can be reached from elsewhere, this permission is needed all the same (S35). */
  readonly guardedOffLoopback?: Action;
  handle(services: RouteServices): Promise<Answer<S>>;
}

export type Route = GuardedRoute | EntryRoute | OpenRoute;

type Guarded<S extends RouteSchema> = Omit<GuardedRoute<S>, 'kind' | 'accepts'> & { readonly accepts?: readonly TokenKind[] };

/** A route for API tokens, unless it says otherwise. */
export function guardedRoute<const S extends RouteSchema>(route: Guarded<S>): GuardedRoute {
  const whole: GuardedRoute<S> = { ...route, kind: 'guarded', accepts: route.accepts ?? ['t'] };
  return whole;
}

export function entryRoute<const S extends RouteSchema>(route: Omit<EntryRoute<S>, 'kind'>): EntryRoute {
  const whole: EntryRoute<S> = { ...route, kind: 'entry' };
  return whole;
}

export function openRoute<const S extends RouteSchema>(route: Omit<OpenRoute<S>, 'kind'>): OpenRoute {
  const whole: OpenRoute<S> = { ...route, kind: 'open' };
  return whole;
}
