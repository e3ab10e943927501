import type { Command } from 'commander';
import { visibleText } from '../../adapters/log/visible-text.ts';
import type { EffectiveValue } from '../../config/reader.ts';
import type { Terminal } from '../terminal.ts';

/** `keyhold config`: the values in force, secrets masked, and where each comes from; warnings on standard error. */
export function addConfigCommand(program: Command, terminal: Terminal): void {
  program
    .command('config')
    .description('check the configuration and print the values in force, secrets masked')
    .allowExcessArguments(false)
    .action(async () => {
      const { loadProcessConfig } = await import('../load.ts');
      const { config, effective } = loadProcessConfig();
      terminal.out(configText(effective));
      for (const warning of config.warnings) terminal.error(`keyhold: warning: ${visibleText(warning)}\n`);
    });
}

/** One line a value, `NAME=value`, then where it comes from. */
function configText(effective: readonly EffectiveValue[]): string {
  const lines = effective.map(({ name, shown, origin }) => ({ text: visibleText(`${name}=${shown}`), origin: visibleText(origin) }));
  const width = Math.max(...lines.map(({ text }) => text.length));
  return lines.map(({ text, origin }) => `${text.padEnd(width)}  # ${origin}\n`).join('');
}
