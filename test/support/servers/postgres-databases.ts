import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** A database of a server's, and the role that owns it and nothing else. */
export interface TestDatabase {
  readonly name: string;
  /** As in KEYHOLD_DATABASE_URL, with the password. */
  readonly url: string;
  readonly password: string;
}

export interface PostgresAccess {
  readonly port: number;
  /** The file of the authority that issued its certificate. */
  readonly caFile: string;
  readonly adminPassword: string;
}

/** A running PostgreSQL, as its administrator has it. */
export class PostgresDatabases implements PostgresAccess {
  readonly port: number;
  readonly caFile: string;
  readonly adminPassword: string;

  constructor({ port, caFile, adminPassword }: PostgresAccess) {
    this.port = port;
    this.caFile = caFile;
    this.adminPassword = adminPassword;
  }

  /** An empty database, with a role that owns it. */
  async create({ encoding = 'UTF8' }: { readonly encoding?: string } = {}): Promise<TestDatabase> {
    const name = `keyhold_${randomBytes(6).toString('hex')}`;
    const password = testPassword();
    await this.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
    await this.query(`CREATE DATABASE ${name} OWNER ${name} ENCODING '${encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`);
    return { name, password, url: `postgres://${name}:${password}@127.0.0.1:${this.port}/${name}` };
  }

  /** A statement of the administrator's, in that database or in the server's own. */
  async query(sql: string, database = 'postgres'): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new Client({ host: '127.0.0.1', port: this.port, user: 'admin', password: this.adminPassword, database, ssl: false });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** Obviously a test's. */
export function testPassword(): string {
  return `test-password-${randomBytes(12).toString('hex')}`;
}
