import type { Command } from 'commander';
import type { LoginOptions } from '../login/log-in.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold login` and `keyhold logout`: a person at a terminal, and a running Keyhold. */
export function addLoginCommands(program: Command, terminal: Terminal): void {
  program
    .command('login')
    .description('sign in to a running Keyhold, for the commands that ask one')
    .option('--url <url>', 'where Keyhold runs (or KEYHOLD_URL)')
    .option('--issuer <issuer>', 'sign in at this identity provider, by its name or address, in a browser; left out, at the only one that Keyhold names')
    .option('--token', 'sign in with an API token all the same')
    .addHelpText('after', '\nAn API token is asked for without being shown, or taken from a pipe; never as an argument, where other users of the machine could read it.\nIt is kept in your own folder (keyhold/logins.json below XDG_CONFIG_HOME or ~/.config), mode 0600.')
    .allowExcessArguments(false)
    .action(async (options: LoginOptions) => {
      const [{ logIn }, { loadProcessConfig }] = await Promise.all([import('../login/log-in.ts'), import('../load.ts')]);
      await logIn(loadProcessConfig().config.client, options, process.stdin, terminal);
    });
  program
    .command('logout')
    .description('forget what `keyhold login` has kept for a running Keyhold')
    .option('--url <url>', 'where Keyhold runs (or KEYHOLD_URL); left out, the only one that is kept')
    .allowExcessArguments(false)
    .action(async (options: LoginOptions) => {
      const [{ logOut }, { loadProcessConfig }] = await Promise.all([import('../login/log-out.ts'), import('../load.ts')]);
      await logOut(loadProcessConfig().config.client, options, terminal);
    });
}
