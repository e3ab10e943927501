/** The categories of R3.2, as they are shown. */
type Category =
  | 'AI/LLM'
  | 'Payment'
  | 'Advertising'
  | 'CRM'
  | 'Communication'
  | 'Analytics'
  | 'Developer and operations'
  | 'Commerce and other';

/** One secret field of a service's credential. */
export interface FieldSpec {
  readonly name: string;
  readonly required: boolean;
  /** What a value usually looks like, a regular expression's source. A value that differs is warned about, never refused (S5). */
  readonly format?: string;
  /** The environment variable and the key under which a service's own key goes (R2.3). */
  readonly environment?: string;
}

/** A setting that is not secret; where a key is sent is still part of the credential (S3). */
export interface SettingSpec {
  readonly name: string;
  /** `https-url`: where the key is sent, by https; `text-map`: names to texts. */
  readonly kind: 'https-url' | 'text-map';
  readonly required: boolean;
  /** The host ends in one of them, the part before matches S4, and neither a port nor a path follows. Left out: a host of the tenant's own, with both. */
  readonly hostSuffixes?: readonly string[];
}

/** `azure`: the bodies of OpenAI's, with the deployment in the path. */
export type ApiFormat = 'openai' | 'anthropic' | 'azure';

/** How a response's usage is read. */
export type UsageReading = 'openai-chat' | 'openai-responses' | 'openai-embeddings' | 'anthropic-messages' | 'none';

/** How a stream of a route ends (R5.2). Event names, or the data of an event, as the provider writes them. */
export interface StreamEnd {
  /** The event that says the stream is whole. */
  readonly finished: readonly string[];
  /** Events with which the provider itself ends a stream that failed; they pass, and the outcome is `failed`. */
  readonly failed: readonly string[];
  /** The provider does not always send its last event: an orderly end after a `finish_reason` is whole too. */
  readonly finishReasonSuffices?: boolean;
}

/** One route that the gateway forwards. A route that is not listed is 404 (R5.1). */
export interface RouteSpec {
  /** `chat/completions`; also what a gateway key's `routes` names. */
  readonly id: string;
  readonly format: ApiFormat;
  readonly method: 'GET' | 'POST';
  /** Below the endpoint's base; `{model}` at the end stands for the rest of the path, `/` included; elsewhere for one segment. */
  readonly path: string;
  readonly model: 'body' | 'path' | 'none';
  /** Serves shared credentials too: shows nothing of the account behind the key (S1). */
  readonly stateless: boolean;
  /** Reads or mints credentials (S2): only for gateway keys that name it. */
  readonly credentials?: true;
  readonly usage: UsageReading;
  /** The provider bills nothing for it, whatever the model. */
  readonly free?: true;
  /** Absent: the route does not stream. */
  readonly streamEnd?: StreamEnd;
  /** A streamed answer tells its usage only when asked by `stream_options.include_usage`. */
  readonly includeUsage?: boolean;
  /** Query parameters that pass; others are dropped. */
  readonly query?: readonly string[];
}

/** What the gateway looks at in a request's body, in one API format (S1, S8). Everything else passes unseen. */
export interface BodyRules {
  /** Keys that name models the provider could run, at any depth: a text, a list, or an object of texts; `model` among them. */
  readonly modelKeys: readonly string[];
  /** Keys whose value, unless null or false, refers to an object of the account, at any depth. */
  readonly referenceKeys: readonly string[];
  /** Keys that do so whatever they hold, objects too, unless null or false. */
  readonly wholeReferenceKeys?: readonly string[];
  /** Values of `type` that make the object around them a reference. */
  readonly referenceTypes: readonly string[];
  /** Keys whose object is a reference when it has an `id`; of a list of objects, those that have an `id` and no `type`. */
  readonly bareIdKeys: readonly string[];
  /** Keys below which everything is the caller's own data (tool schemas, tool inputs), not looked at for references. */
  readonly freeFormKeys: readonly string[];
}

/** Where each credential has an address of its own, in a setting that goes with its key (S3). */
export interface RegisteredBase {
  /** The setting that has it; an `https-url`, and required. */
  readonly setting: string;
  /** What follows; empty, or a path that begins with a slash. */
  readonly path: string;
}

/** How a service is reached in one API format. */
export interface ApiEndpoint {
  /** As that format's own SDK takes it. */
  readonly baseUrl: string | RegisteredBase;
  /** What follows the base that an operator sets instead (R0.1), where this is not the format of the service's own SDK; after a registered one, its `path` does. */
  readonly afterOverride?: string;
  /** The setting that has the provider's own names of models, by the names that callers use; a `text-map`. */
  readonly modelNames?: string;
  readonly keyHeader: 'authorization' | 'x-api-key' | 'api-key';
  /** `Bearer ` before the key in `authorization`. */
  readonly keyPrefix: string;
  /** The field that holds the key. */
  readonly keyField: string;
  readonly body: BodyRules;
}

/** For models by a glob over their names; of several the first that matches. */
export interface TokensOf {
  readonly models: string;
  readonly tokens: number;
}

export interface GatewaySpec {
  readonly endpoints: Readonly<Partial<Record<ApiFormat, ApiEndpoint>>>;
  /** For R4.3 where nobody said which model. */
  readonly defaultModel: string;
  readonly routes: readonly RouteSpec[];
  /** The most tokens of one answer, for requests that do not say how long theirs may be. */
  readonly longestAnswers?: readonly TokensOf[];
  /** Globs over names, in lower case, of models that search by themselves, and read what they find. */
  readonly searchingModels?: readonly string[];
  /** The most tokens of one picture, whatever its size. */
  readonly pictures?: readonly TokensOf[];
  /** The most tokens that the provider puts into every request itself (its template, words of its own), and those that come with tools. */
  readonly ownInput?: { readonly always: number; readonly withTools: number };
  /**
   * Globs over names of models that belong to the account (fine-tuned ones, presets); shared credentials do not serve them (S1).
   * One that begins with `!` takes names out again; the last that matches decides.
   */
  readonly accountModels: readonly string[];
  /** Request headers that pass (S7), lower case; a trailing `*` matches the rest. */
  readonly requestHeaders: readonly string[];
  /** Request headers that choose an account or billing; they pass only where the credential is the tenant's own or explicit. */
  readonly accountHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  /** Response headers that tell of the account; removed when the credential is shared (S1). */
  readonly accountResponseHeaders: readonly string[];
  /** The response header with the provider's own request id. */
  readonly requestIdHeader: string | null;
}

export interface Service {
  /** `^[a-z0-9-]{1,40}$` */
  readonly id: string;
  readonly name: string;
  readonly category: Category;
  readonly fields: readonly FieldSpec[];
  readonly settings: readonly SettingSpec[];
  /** null: custody only. */
  readonly gateway: GatewaySpec | null;
}
