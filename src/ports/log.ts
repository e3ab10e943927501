/** What a log line may hold besides its event and message. An allow-list by construction: there is no field for a value. */
export interface LogFields {
  readonly requestId?: string | undefined;
  readonly tenant?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly provider?: string | undefined;
  readonly service?: string | undefined;
  readonly label?: string | undefined;
  readonly credentialId?: string | undefined;
  readonly version?: number | string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly addedBy?: string | undefined;
  readonly storedIn?: string | undefined;
  readonly removedBy?: string | undefined;
  readonly removedFrom?: string | undefined;
  readonly code?: string | undefined;
  readonly method?: string | undefined;
  readonly route?: string | undefined;
  readonly status?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly count?: number | undefined;
  readonly ageSeconds?: number | undefined;
  /** A worker process's number; in the lines of a worker itself it stands without being given. */
  readonly worker?: number | undefined;
  readonly name?: string | undefined;
  /** The name that a process has given itself at its start, by which the list of jobs knows it. */
  readonly replica?: string | undefined;
  /** The name of a secret, never its value. */
  readonly key?: string | undefined;
  readonly file?: string | undefined;
  readonly address?: string | undefined;
  /** A signed head of the audit log (S30): several lines, public. */
  readonly checkpoint?: string | undefined;
  /** Logged as type, code, message and stack of the error and its causes; never its other properties. */
  readonly error?: unknown;
}

/** One JSON line an event (R3.9). `event` is a stable snake_case or dotted word, `msg` a sentence. */
export interface Log {
  /** false: lines of level debug go nowhere, so they need not be made. */
  readonly debugs?: boolean;
  debug(event: string, msg: string, fields?: LogFields): void;
  info(event: string, msg: string, fields?: LogFields): void;
  warn(event: string, msg: string, fields?: LogFields): void;
  error(event: string, msg: string, fields?: LogFields): void;
}
