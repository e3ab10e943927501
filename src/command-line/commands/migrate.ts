import type { Command } from 'commander';
import type { MigrationOptions } from '../migrate-legacy.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold migrate`: moves values from one place to another, over the API of a running Keyhold. */
export function addMigrateCommand(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const migrate = program.command('migrate').description('move values from one place to another');
  migrate
    .command('legacy')
    .description('rewrite what an earlier system has encrypted into the store for new keys (docs/adoption.md)')
    .option('--dry-run', 'read every value, show what would be migrated, and change nothing')
    .option('--report <file>', 'write the report as JSON to a new file, too')
    .option('--url <url>', 'where Keyhold runs (or KEYHOLD_URL)')
    .option('--token-file <file>', 'a file with a platform administrator\'s token (or KEYHOLD_TOKEN)')
    .allowExcessArguments(false)
    .addHelpText('after', '\nThe old value serves until the new one has been read back. It can be repeated, also after it was killed. Exit status 1: something was refused or failed.')
    .action(async (options: MigrationOptions) => {
      const { migrateLegacy } = await import('../migrate-legacy.ts');
      exit(await migrateLegacy(options, terminal));
    });
}
