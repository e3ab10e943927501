/** The categories of R3.2, as they are shown. */
export type Category =
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
  /** `https-url`: an https address whose host ends in `hostSuffix`; `text-map`: names to texts. */
  readonly kind: 'https-url' | 'text-map';
  readonly required: boolean;
  /** The host ends in it and the part before matches S4. */
  readonly hostSuffix?: string;
}

export type ApiFormat = 'openai' | 'anthropic';

/** How a response's usage is read. */
export type UsageReading = 'openai-chat' | 'openai-responses' | 'openai-embeddings' | 'anthropic-messages' | 'none';

/** One route that the gateway forwards. A route that is not listed is 404 (R5.1). */
export interface RouteSpec {
  /** `chat/completions`; also what a gateway key's `routes` names. */
  readonly id: string;
  readonly format: ApiFormat;
  readonly method: 'GET' | 'POST';
  /** Below the format's base; `{model}` stands for the rest of the path, `/` included where `slashes` allows. */
  readonly path: string;
  readonly slashes?: boolean;
  readonly model: 'body' | 'path' | 'none';
  /** Serves shared credentials too: shows nothing of the account behind the key (S1). */
  readonly stateless: boolean;
  readonly usage: UsageReading;
  /** The events or data that end a stream of this route as finished (R5.2); absent: the route does not stream. */
  readonly terminal?: readonly string[];
  /** A streamed answer tells its usage only when asked by `stream_options.include_usage`. */
  readonly includeUsage?: boolean;
}

/** How a service is reached in one API format. */
export interface ApiEndpoint {
  /** As that format's own SDK takes it. */
  readonly baseUrl: string;
  readonly keyHeader: 'authorization' | 'x-api-key';
  /** `Bearer ` before the key in `authorization`. */
  readonly keyPrefix: string;
  /** The field that holds the key. */
  readonly keyField: string;
}

export interface GatewaySpec {
  readonly endpoints: Readonly<Partial<Record<ApiFormat, ApiEndpoint>>>;
  /** For R4.3 where nobody said which model. */
  readonly defaultModel: string;
  readonly routes: readonly RouteSpec[];
  /** Request headers that pass (S7), lower case; a trailing `*` matches the rest. */
  readonly requestHeaders: readonly string[];
  /** Request headers that choose an account or billing; they pass only where the credential is the tenant's own or explicit. */
  readonly accountHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  /** Response headers that tell of the account; removed when the credential is shared (S1). */
  readonly accountResponseHeaders: readonly string[];
  /** The response header with the provider's own request id. */
  readonly requestIdHeader: string | null;
  /** Body keys whose values refer to objects of the account (S1). */
  readonly referenceKeys: readonly string[];
  /** Body keys below which everything is the caller's own data (tool schemas, tool inputs), not looked at for references. */
  readonly freeFormKeys: readonly string[];
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
