import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Log } from '../../ports/log.ts';
import { StartError } from '../../ports/start-error.ts';

/** PEM texts: a certificate with those between it and its CA, and its key. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface TlsFilesOptions {
  /** Absolute paths, read anew by name each time: so a link that is moved on to another folder is followed, as Kubernetes replaces what it mounts. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly log: Log;
  readonly everyMs?: number;
}

/** How often the files are looked at. Watching would need what the system tells of links and mounts, and it tells different things. */
const EVERY_MS = 10_000;

/** The listener's certificate and key in files, which whoever renews them replaces at any time. */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners: ((material: TlsMaterial) => void)[] = [];
  #material: TlsMaterial;
  /** What was found last, and could not be used; told when it is found a second time, since two files are not replaced in one moment. */
  #broken: TlsMaterial | undefined;
  #told = false;
  #looking = false;

  /** Throws `StartError` (2) when the files cannot be read or do not belong together. */
  constructor(options: TlsFilesOptions) {
    this.#options = options;
    try {
      this.#material = checked({ cert: readFileSync(options.certFile, 'utf8'), key: readFileSync(options.keyFile, 'utf8') });
    } catch (cause) {
      throw new StartError(2, `KEYHOLD_TLS_CERT_FILE and KEYHOLD_TLS_KEY_FILE cannot be used: ${reasonOf(cause)}.\nThe first names a PEM file with the certificate and those between it and its CA, the second the PEM file of its key, without a passphrase.`, { cause });
    }
    this.#timer = setInterval(() => void this.#look(), options.everyMs ?? EVERY_MS).unref();
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /** Called with what is used from now on, whenever that changes. */
  onChange(listener: (material: TlsMaterial) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { certFile, keyFile, log } = this.#options;
    let found: TlsMaterial = { cert: '', key: '' };
    try {
      found = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
      if (isSame(found, this.#material)) this.#broken = undefined;
      else this.#use(checked(found));
    } catch (error) {
      if (this.#broken === undefined || !isSame(this.#broken, found)) this.#told = false;
      else if (!this.#told) {
        this.#told = true;
        log.error('tls_files_unusable', `The files of the certificate and its key have changed and cannot be used (${reasonOf(error)}); those before serve on. Replace both by ones that belong together`, { file: certFile });
      }
      this.#broken = found;
    } finally {
      this.#looking = false;
    }
  }

  #use(material: TlsMaterial): void {
    this.#material = material;
    this.#broken = undefined;
    const { validTo } = new X509Certificate(material.cert);
    this.#options.log.info('tls_files_reloaded', `The certificate has changed and serves from now on; it is valid until ${validTo}`, { file: this.#options.certFile });
    for (const listener of this.#listeners) listener(material);
  }
}

/** Throws what OpenSSL says of a pair that it cannot serve. */
function checked(material: TlsMaterial): TlsMaterial {
  createSecureContext(material);
  const leaf = new X509Certificate(material.cert);
  if (Date.parse(leaf.validTo) < Date.now()) throw new Error(`the certificate ended on ${leaf.validTo}`);
  return material;
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return one.cert === other.cert && one.key === other.key;
}

/** Never what a file holds. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EISDIR') ? error.message : error.message.split('\n', 1).join('');
}
