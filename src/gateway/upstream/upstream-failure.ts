/** Why an upstream call failed, as the connection saw it. */
export type FailureKind =
  /** The request cannot be written as HTTP. */
  | 'bad_request'
  /** No connection could be made: the upstream has seen nothing. */
  | 'unreachable'
  | 'connect_timeout'
  /** No answer, or not its next piece, within the time. */
  | 'answer_timeout'
  /** What came is not an HTTP answer that can be told apart from the next one. */
  | 'bad_answer'
  | 'closed';

export class UpstreamFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UpstreamFailure';
    this.kind = kind;
  }
}
