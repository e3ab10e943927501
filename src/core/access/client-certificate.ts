/** Of a client's certificate what somebody can be known by. Its connection has proven that it has the key, and a CA that the operator trusts has signed what it says. */
export interface ClientCertificate {
  /** Subject alternative names: URIs, such as SPIFFE ids, and DNS names, as they stand there. */
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** As `openssl x509 -noout -subject -nameopt esc_2253,esc_ctrl,utf8,sep_comma_plus_space,sname` writes it. */
  readonly subject: string;
  /** Of the whole certificate, hex in lower case. */
  readonly sha256: string;
  /** Milliseconds since the epoch. */
  readonly validUntil: number;
}
