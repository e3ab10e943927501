import { type Command, CommanderError } from 'commander';
import { visibleText } from '../../adapters/log/visible-text.ts';
import type { Config } from '../../config/config.ts';
import type { AuditKeys } from '../../core/audit/kept-keys.ts';
import type { Log } from '../../ports/log.ts';
import type { ChangedKey } from '../../stopped-audit.ts';
import type { ExportOptions } from '../audit/export.ts';
import type { VerifyOptions } from '../audit/verify.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold audit …`: the log's public key, exports of it, their verification, another key. `exit` sets another exit status than 0. */
export function addAuditCommand(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const audit = program.command('audit').description('the audit log: its key, exports and their verification');
  addKey(audit, terminal);
  addExport(audit, terminal);
  addVerify(audit, terminal, exit);
  addChanges(audit, terminal);
}

function addKey(audit: Command, terminal: Terminal): void {
  audit
    .command('key')
    .description('print the public key that verifies the log\'s heads; keep it on another machine')
    .allowExcessArguments(false)
    .action(async () => {
      const { config } = await load();
      const { readAuditKeys } = await import('../../stopped-audit.ts');
      terminal.out(keyText(await readAuditKeys(config), config.auditKeyFile));
    });
}

function addExport(audit: Command, terminal: Terminal): void {
  audit
    .command('export')
    .description('write the log as JSON lines with its signed head: of a running Keyhold over its API, else of the data folder')
    .option('-o, --output <file>', 'a new file; standard output without it')
    .option('--tenant <tenant>', 'one tenant\'s own log, with the proof that is its own')
    .option('--url <url>', 'where Keyhold runs (or KEYHOLD_URL)')
    .option('--token-file <file>', 'a file with an API token for it (or KEYHOLD_TOKEN)')
    .allowExcessArguments(false)
    .action(async (options: ExportOptions) => {
      const { exportAudit } = await import('../audit/export.ts');
      await exportAudit(options, terminal);
    });
}

function addVerify(audit: Command, terminal: Terminal, exit: (code: number) => void): void {
  const several = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  audit
    .command('verify [file]')
    .description('verify an export, on any machine, against a public key and earlier checkpoints')
    .option('--key <key or file>', 'the public key that `keyhold audit key` printed; may be given several times', several, [])
    .option('--checkpoint <file>', 'earlier heads: a signed note, an answer of …/audit/checkpoint, or log lines; may be given several times', several, [])
    .option('--witness <key or file>', 'a witness\'s public key: one of the checkpoints must bear its signature, too; may be given several times', several, [])
    .addHelpText('after', '\nExit status: 0 proven, 1 altered, 2 unusable (a wrong key, file or checkpoint).')
    .allowExcessArguments(false)
    // 1 would say that the log was altered.
    .exitOverride((error) => {
      throw new CommanderError(error.exitCode === 0 ? 0 : 2, error.code, error.message);
    })
    .action(async (file: string | undefined, options: VerifyOptions) => {
      const { verifyAudit } = await import('../audit/verify.ts');
      exit(await verifyAudit(file, options, terminal));
    });
}

function addChanges(audit: Command, terminal: Terminal): void {
  audit
    .command('rotate-key')
    .description('give the log another key, signed by the old one; Keyhold must be stopped')
    .option('--lost', 'the old key is gone: nothing but your word says that the new one follows it')
    .allowExcessArguments(false)
    .action(async ({ lost = false }: { readonly lost?: boolean }) => {
      const { rotateStoppedKey } = await import('../../stopped-audit.ts');
      const changed = await offline(terminal, (config, log) => rotateStoppedKey(config, log, { lost }));
      terminal.out(changedText(changed, lost));
    });
  audit
    .command('accept-restored')
    .description('go on with an older database that was put back on purpose, under a new name; Keyhold must be stopped')
    .allowExcessArguments(false)
    .action(async () => {
      const { acceptRestoredAudit } = await import('../../stopped-audit.ts');
      terminal.out(changedText(await offline(terminal, acceptRestoredAudit), false));
    });
}

async function offline<T>(terminal: Terminal, work: (config: Config, log: Log) => Promise<T>): Promise<T> {
  const { config } = await load();
  const { createLog } = await import('../../adapters/log/pino-log.ts');
  return work(config, createLog({ level: 'warn', destination: { write: (line) => terminal.error(line) }, pretty: true }));
}

async function load(): Promise<{ readonly config: Config }> {
  const { loadProcessConfig } = await import('../load.ts');
  return loadProcessConfig();
}

/** The key alone in the first line, so that the whole text is a key file for `verify`. */
function keyText({ current, former }: AuditKeys, file: string): string {
  const { verifier } = current;
  return [
    String(verifier),
    `# The audit log ${verifier.name}: Ed25519 public key ${verifier.publicKey.toString('hex')} (hex), key id ${verifier.id.toString('hex')}.`,
    `# Its private half is in ${visibleText(file)}. Keep this text on another machine, for \`keyhold audit verify --key\`.`,
    ...former.map((key) => `# Before: ${String(key)}`),
    '',
  ].join('\n');
}

function changedText({ before, after }: ChangedKey, lost: boolean): string {
  return [
    String(after),
    `# follows ${String(before)}`,
    lost ? '# No signature says so: give the new key to everybody who verifies this log.' : '# The log holds a row that both have signed; who has the old key can verify with it.',
    '# Back up the key file, apart from the database.',
    '',
  ].join('\n');
}
