import type { Command } from 'commander';
import type { DatabaseCopyOptions } from '../database-copy.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold database`: moves everything from one database to another; Keyhold is stopped meanwhile. */
export function addDatabaseCommand(program: Command, terminal: Terminal): void {
  const database = program.command('database').description('the database: moving to another one');
  database
    .command('copy')
    .description('copy everything into an empty database, and compare both (docs/databases.md); every Keyhold on either must be stopped')
    .option('--from <url>', 'the database to copy (default: the one that is configured)')
    .option('--from-file <file>', 'a file with its URL, where that holds a password')
    .option('--to <url>', 'an empty one: sqlite:<file>, postgres://…, or cosmos for the one that COSMOS_DB_ENDPOINT names')
    .option('--to-file <file>', 'a file with its URL, where that holds a password')
    .allowExcessArguments(false)
    .addHelpText('after', copyHelp)
    .action(async (options: DatabaseCopyOptions) => {
      const { runDatabaseCopy } = await import('../database-copy.ts');
      await runDatabaseCopy(options, terminal);
    });
}

const copyHelp = `
A password that is not in a URL is DATABASE_PASSWORD. On a command line everybody on the machine can read it: put a URL that holds
one into a file. The records that are copied stay where they are. A copy that was interrupted goes on when the same command is run again.`;
