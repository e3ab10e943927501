import { Command, CommanderError } from 'commander';
import { wantsDebug } from '../config/wants-debug.ts';
import { addAdoptCommand } from './commands/adopt.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addConfigCommand } from './commands/config.ts';
import { addDatabaseCommand } from './commands/database.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addLoginCommands } from './commands/login.ts';
import { addSealCommands } from './commands/seal.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addServeCommand } from './commands/serve.ts';
import { addTokenCommand } from './commands/token.ts';
import { addVaultCommand } from './commands/vault.ts';
import { addWorkerCommand } from './commands/worker.ts';
import { failureOf } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { productVersion } from './version.ts';

/**
 * Runs one command and gives its exit status (R0.1); never throws. Messages for people go to `terminal`, without stacks unless
 * `KEYHOLD_LOG_LEVEL=debug`.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  try {
    const program = new Command('keyhold')
      .description('Keeps other people\'s API keys and uses them on their behalf.')
      .version(productVersion(), '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print this help')
      .helpCommand('help [command]', 'print the help of a command')
      .addHelpText('after', helpAfter)
      .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.error(text) })
      .showHelpAfterError('`keyhold --help` lists the commands.')
      .exitOverride();
    const exit = (code: number): void => {
      exitCode = code;
    };
    addServeCommand(program, terminal, exit);
    addWorkerCommand(program, terminal);
    addConfigCommand(program, terminal);
    addTokenCommand(program, terminal);
    addLoginCommands(program, terminal);
    addSealCommands(program, terminal);
    addKeysCommand(program, terminal);
    addDatabaseCommand(program, terminal);
    addVaultCommand(program, terminal);
    addAuditCommand(program, terminal, exit);
    addAdoptCommand(program, terminal, exit);
    addMigrateCommand(program, terminal, exit);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const { text, exitCode } = failureOf(error, wantsDebug());
    terminal.error(text);
    return exitCode;
  }
}

const helpAfter = `
Settings come from the environment and from ./.env; \`keyhold config\` shows them.

Exit status: 0 ok, 1 other, 2 configuration, 3 port, 4 data folder, 5 data folder in use, 6 key file or root key,
7 database of a newer version, 8 disk full.`;
